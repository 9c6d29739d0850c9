#include "client/connection/http_request.hpp"

#include <strings.h>

#include <algorithm>

namespace client {
namespace {

bool is_host(const std::string& header) {
  return ::strncasecmp(header.c_str(), "host:", 5) == 0;
}

}  // namespace

HttpRequest::HttpRequest(std::string_view start, std::string_view host,
                         const std::vector<std::string>& headers)
    : head_(std::string(start) + " HTTP/1.1\r\n") {
  if (std::none_of(headers.begin(), headers.end(), is_host))
    head_ += "Host: " + std::string(host) + "\r\n";
  for (const std::string& header : headers) head_ += header + "\r\n";
}

HttpRequest HttpRequest::get(std::string_view path, std::string_view host,
                             const std::vector<std::string>& headers) {
  HttpRequest request{"GET " + std::string(path), host, headers};
  request.head_ += "\r\n";
  return request;
}

HttpRequest HttpRequest::echo(std::string_view host, const std::vector<std::string>& headers) {
  HttpRequest request{"POST /echo", host, headers};
  request.head_ += "Content-Length: ";
  request.has_body_ = true;
  return request;
}

}  // namespace client
