#include "client/connection/http_request.hpp"

#include <strings.h>

#include <algorithm>

namespace client {
namespace {

bool is_host(const std::string& header) {
  return ::strncasecmp(header.c_str(), "host:", 5) == 0;
}

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

/// Whether a header is Connection with the option close, in its list (RFC 9110, 7.6.1).
bool is_close(std::string_view header) {
  constexpr std::string_view name = "connection:", close = "close";
  const auto equals = [](std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
  };
  if (!equals(header.substr(0, name.size()), name)) return false;
  std::string_view list = header.substr(name.size());
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    std::string_view option = list.substr(0, end);
    while (!option.empty() && is_space(option.front())) option.remove_prefix(1);
    while (!option.empty() && is_space(option.back())) option.remove_suffix(1);
    if (equals(option, close)) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

}  // namespace

bool has_close(const std::vector<std::string>& headers) {
  return std::any_of(headers.begin(), headers.end(), is_close);
}

HttpRequest::HttpRequest(std::string_view start, std::string_view host,
                         const std::vector<std::string>& headers)
    : head_(std::string(start) + " HTTP/1.1\r\n"), closes_(has_close(headers)) {
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
