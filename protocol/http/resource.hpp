// What can be requested of the server: the resources, and the methods that each allows.
#pragma once

#include <cstdint>
#include <string_view>

namespace protocol {

struct Resource {
  enum class Kind : std::uint8_t {
    none,    ///< 404
    server,  ///< "*": the server as a whole; OPTIONS only
    root,    ///< "/": the text "ok"
    bytes,   ///< "/bytes/N": a body of N bytes
    echo     ///< "/echo": the request's body
  };
  Kind kind = Kind::none;
  std::uint64_t length = 0;  ///< N

  bool operator==(const Resource&) const = default;
};

/// The resource of a path, which may have a query. N of /bytes/N: 0 to 2^63 - 1.
Resource resource_of(std::string_view path);

/// The methods that a resource allows, as the value of Allow.
std::string_view allowed_methods(Resource::Kind kind);

/// Whether it is a host with or without a port (RFC 9110 7.2). It may be empty.
bool is_host(std::string_view text);

/// A request target in one of the forms of RFC 9112 3.2; the path is what resource_of() takes, and
/// "*" for the server as a whole. The authority-form is that of CONNECT, which is not implemented.
struct Target {
  bool is_valid = false;
  std::string_view path;
};
Target target_of(std::string_view text, bool is_options);

}  // namespace protocol
