//===- Policies.cpp - Policies worth a try ---------------------------------===//

#include "lib/Transforms/Schedule/Policies.h"

using namespace bitpipe::schedule;

/// Rules that need no numbers.
static void addPlainPolicies(std::vector<Policy> &policies, int tidy,
                             int entered) {
  using Forward = Policy::Forward;
  using Backward = Policy::Backward;
  for (bool forwardsFirst : {false, true})
    for (Forward forward :
         {Forward::LateStage, Forward::Oldest, Forward::EarlyStage})
      for (Backward backward :
           {Backward::EarlyStage, Backward::LateStage, Backward::Oldest}) {
        Policy &policy = policies.emplace_back();
        policy.forwardsFirst = forwardsFirst;
        policy.forward = forward;
        policy.backward = backward;
        policy.tidy = tidy;
        policy.entered = entered;
      }
}

/// Forwards fill the memory, then each backward lets one forward in; stages are
/// kept in balance, later passes `lead` ahead. The first few backwards come at
/// once, so that the gradient of the first micro-batch is not kept from the
/// devices that have filled their memory and wait for it.
static void addBalancedPolicies(std::vector<Policy> &policies, int devices,
                                int mostEager) {
  double half = devices / 2.0;
  Policy policy;
  policy.forwardsFirst = true;
  policy.backward = Policy::Backward::Balanced;
  for (int entered : {0, devices, devices - 1, devices + 1})
    for (double lead : {half, half + 1, half - 1, 2 * half, half / 2})
      for (int eager = 0; eager <= mostEager; ++eager) {
        policy.lead = lead;
        policy.eager = eager;
        policy.entered = entered;
        policies.push_back(policy);
      }
}

std::vector<Policy>
bitpipe::schedule::makePolicies(const Problem &problem) {
  int devices = problem.placement.devices();
  std::vector<Policy> policies;
  addPlainPolicies(policies, 0, 0);
  // One middle device: what enters from both ends must not crowd out what
  // comes back.
  if (problem.split && devices % 2) {
    addPlainPolicies(policies, 1, (devices * 2 + 3) / 4);
    addPlainPolicies(policies, 0, (devices * 3 + 3) / 4);
  }
  addBalancedPolicies(policies, devices, problem.split ? 3 : devices);
  // Tight memory: what waits for its weight gradient holds some, and what has
  // just entered holds it longest.
  for (int quarter : {0, 4, 3, 2, 5, 6})
    for (int tidy = 0; tidy <= (problem.split ? 6 : 0); ++tidy)
      if (quarter || tidy)
        addPlainPolicies(policies, tidy, (devices * quarter + 3) / 4);
  if (problem.split)
    addBalancedPolicies(policies, devices, devices);
  return policies;
}
