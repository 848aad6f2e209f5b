//===- SocketAddress.cpp - Where rank 0 listens, as numbers -----------------===//

#include "lib/Runtime/Transport/UCX/SocketAddress.h"

#include <cstring>
#include <netdb.h>
#include <netinet/in.h>

using namespace bitpipe;

SocketAddress SocketAddress::anyOfHost() const {
  SocketAddress any = *this;
  if (storage.ss_family == AF_INET)
    reinterpret_cast<sockaddr_in &>(any.storage).sin_addr.s_addr = INADDR_ANY;
  else
    reinterpret_cast<sockaddr_in6 &>(any.storage).sin6_addr = in6addr_any;
  return any;
}

std::vector<SocketAddress> bitpipe::resolve(const Rendezvous &rendezvous) {
  addrinfo hints = {}, *list = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  std::string port = std::to_string(rendezvous.port);
  std::vector<SocketAddress> addresses;
  if (getaddrinfo(rendezvous.address.c_str(), port.c_str(), &hints, &list))
    return addresses;
  for (const addrinfo *found = list; found; found = found->ai_next) {
    SocketAddress &address = addresses.emplace_back();
    address.bytes = found->ai_addrlen;
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  }
  freeaddrinfo(list);
  return addresses;
}
