//===- UCXWorker.cpp - A process's part in UCX ------------------------------===//

#include "lib/Runtime/Transport/UCX/UCXWorker.h"

#include "lib/Runtime/Error.h"

#include <cstdio>
#include <cstdlib>
#include <thread>

using namespace bitpipe;

void bitpipe::checkUCX(ucs_status_t status, const char *what) {
  if (status != UCS_OK)
    fail("error: UCX cannot ", what, ": ", ucs_status_string(status));
}

/// A message that is longer than one piece is announced first over TCP, and goes once the other
/// side has answered: two more ways over the network, 110 ms in place of 28 for 96 KiB over
/// one with 20 ms and 100 Mbit/s. Longer pieces than UCX's 8 KiB, unless the user has chosen.
static void lengthenPieces() {
  for (const char *name : {"UCX_TCP_TX_SEG_SIZE", "UCX_TCP_RX_SEG_SIZE"})
    setenv(name, "256k", /*replace=*/0);
}

UCXWorker::UCXWorker(int processes, size_t noteBytes) {
  lengthenPieces();
  ucp_config_t *config;
  checkUCX(ucp_config_read(nullptr, nullptr, &config), "read its configuration");
  ucp_params_t params = {};
  params.field_mask = UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_REQUEST_SIZE |
                      UCP_PARAM_FIELD_ESTIMATED_NUM_EPS;
  params.features = UCP_FEATURE_TAG;
  params.request_size = noteBytes;
  params.estimated_num_eps = processes;
  ucs_status_t status = ucp_init(&params, config, &context);
  ucp_config_release(config);
  checkUCX(status, "start");

  // One thread connects, another works later.
  ucp_worker_params_t workerParams = {};
  workerParams.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE;
  workerParams.thread_mode = UCS_THREAD_MODE_SERIALIZED;
  checkUCX(ucp_worker_create(context, &workerParams, &worker), "make a worker");

  ucp_address_t *address;
  size_t bytes;
  checkUCX(ucp_worker_get_address(worker, &address, &bytes), "tell its address");
  ownAddress.assign(reinterpret_cast<const char *>(address), bytes);
  ucp_worker_release_address(worker, address);
}

ucp_ep_h UCXWorker::connect(const std::string &address, bool watched, Handler failed,
                            void *object) {
  ucp_ep_params_t params = {};
  params.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS |
                      UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE | UCP_EP_PARAM_FIELD_ERR_HANDLER;
  params.address = reinterpret_cast<const ucp_address_t *>(address.data());
  params.err_mode = watched ? UCP_ERR_HANDLING_MODE_PEER : UCP_ERR_HANDLING_MODE_NONE;
  params.err_handler = {failed, object};
  ucp_ep_h end;
  checkUCX(ucp_ep_create(worker, &params, &end), "connect");
  return end;
}

/// From a line as `tag_send: 0..<egr/short>..8185..<egr/zcopy>..8192..<rndv>..(inf)`.
size_t UCXWorker::eagerBytesOf(ucp_ep_h end) {
  char *text = nullptr;
  size_t size = 0;
  FILE *stream = open_memstream(&text, &size);
  if (!stream)
    return 0;
  ucp_ep_print_info(end, stream);
  std::fclose(stream);
  std::string info(text, size);
  std::free(text);
  size_t line = info.find("tag_send:"), rest = info.find("..<rndv>", line);
  if (rest >= info.find('\n', line))
    return 0;
  size_t begin = info.find_last_not_of("0123456789", rest - 1) + 1;
  return std::strtoull(info.c_str() + begin, nullptr, 10);
}

void UCXWorker::work() {
  if (ucp_worker_progress(worker) == 0)
    std::this_thread::sleep_for(std::chrono::microseconds(100)); // there may be few cores
}

ucs_status_t UCXWorker::wait(ucs_status_ptr_t request, Clock::time_point deadline) {
  if (!UCS_PTR_IS_PTR(request))
    return UCS_PTR_STATUS(request);
  ucs_status_t status;
  while ((status = ucp_request_check_status(request)) == UCS_INPROGRESS &&
         Clock::now() < deadline)
    work();
  ucp_request_free(request);
  return status;
}

bool UCXWorker::send(ucp_ep_h end, ucp_tag_t tag, const std::string &text) {
  ucp_request_param_t params = {};
  return wait(ucp_tag_send_nbx(end, text.data(), text.size(), tag, &params)) == UCS_OK;
}

bool UCXWorker::take(ucp_tag_t tag, std::string &text) {
  work();
  ucp_tag_recv_info_t info;
  ucp_tag_message_h message = ucp_tag_probe_nb(worker, tag, ~ucp_tag_t(0), 1, &info);
  if (!message)
    return false;
  text.resize(info.length);
  ucp_request_param_t params = {};
  return wait(ucp_tag_msg_recv_nbx(worker, text.data(), text.size(), message, &params)) ==
         UCS_OK;
}

void UCXWorker::disconnect(ucp_ep_h end, Clock::time_point deadline) {
  ucp_request_param_t params = {};
  wait(ucp_ep_close_nbx(end, &params), deadline); // whoever is gone needs no more
}

void UCXWorker::close() {
  ucp_worker_destroy(worker);
  ucp_cleanup(context);
}
