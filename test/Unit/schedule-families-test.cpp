//===- schedule-families-test.cpp - Every schedule over many sizes ----------===//
//
// Every family, each with every size of a grid, through the checks and a second
// simulation that is written differently.
//
//===----------------------------------------------------------------------===//

#include "test/Unit/schedule-invariants.h"

using namespace bitpipe::schedule;

static void testFamilies() {
  int built = 0;
  for (const Family &family : families())
    for (int devices : {1, 2, 3, 4, 5, 6, 8})
      for (int count : {1, 2, 3, 4, 7, 8, 12, 16, 17, 24})
        for (int chunks : {0, 3, 4}) {
          Request asked = request(family.name, devices, count, chunks);
          ErrorOr<Schedule> schedule = buildSchedule(asked);
          if (!schedule) {
            expect(schedule.error().text.find("expected") != std::string::npos,
                   toText(asked) + " does not say what it needs");
            continue;
          }
          ++built;
          expect(chunks == 0 || schedule->placement.stages() == devices * chunks,
                 toText(asked) + " has other chunks");
          testSchedule(asked, *schedule);
        }
  std::printf("%d schedules of %zu families checked\n", built,
              families().size());
}

int main() {
  testFamilies();
  return report();
}
