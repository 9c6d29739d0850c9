// The one source that includes Boost.Beast. Only its basic_parser is used, and only for a head that
// is in memory as a whole and that HeadScanner has accepted: Beast then splits it, and recognises
// the names of methods and fields. Heads in which none of those matter are read without it. The
// framing is decided here, because Beast 1.81 takes what RFC 9112 forbids (boostorg/beast issues
// 3077, 3096, 3098, 3100): lists as a Content-Length, codings other than chunked, a
// Transfer-Encoding in HTTP/1.0. It never sees a body (skip()).
#include "protocol/http/request.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "protocol/http/characters.hpp"
#include "protocol/http/status.hpp"

namespace protocol {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char each) { return each == ' ' || each == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool same(std::string_view text, std::string_view other) {
  return boost::beast::iequals({text.data(), text.size()}, {other.data(), other.size()});
}

/// Calls `each` for the members of a list (RFC 9110 5.6.1); empty ones are left out.
template <typename Each>
void for_each_member(std::string_view list, Each each) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string_view member = trimmed(list.substr(0, end));
    if (!member.empty()) each(member);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

class HeadParser final : public http::basic_parser<true> {
 public:
  HeadParser() {
    header_limit(std::numeric_limits<std::uint32_t>::max());  // HeadScanner has counted
    body_limit(boost::none);
    skip(true);
  }

  Request& request() { return request_; }

  /// What only all fields together tell.
  void conclude() {
    if (request_.error != 0) return;
    const bool is_1_0 = request_.is_version_1_0;
    if (hosts_ > 1 || (hosts_ == 0 && !is_1_0)) return reject(status::bad_request);  // RFC 9112 3.2
    // RFC 9112 6.1: with both, or in HTTP/1.0, the framing is to be treated as faulty.
    if (codings_ > 0 && (lengths_ > 0 || is_1_0)) return reject(status::bad_request);
    if (unknown_coding_ != 0) return reject(unknown_coding_);
    if (request_.error == 0 && is_unknown_method_) return reject(status::not_implemented);
    if (unknown_expectation_) return reject(status::expectation_failed);
    if (is_1_0) request_.expects_continue = false;  // RFC 9110 10.1.1
    request_.is_chunked = codings_ > 0;
    request_.keeps_alive = !close_ && (!is_1_0 || keep_alive_);
  }

 private:
  void on_request_impl(http::verb verb, boost::beast::string_view, boost::beast::string_view target,
                       int version, error_code&) override {
    request_.is_version_1_0 = version == 10;
    request_.method = method_of(verb);
    // What RFC 9110 defines and no resource has is 405; CONNECT is for proxies.
    is_unknown_method_ = request_.method == Method::other && verb != http::verb::put &&
                         verb != http::verb::delete_ && verb != http::verb::trace &&
                         verb != http::verb::patch;
    const Target parsed = target_of(view(target), request_.method == Method::options);
    // The authority-form of CONNECT is not looked at.
    if (!parsed.is_valid && !is_unknown_method_) reject(status::bad_request);
    request_.resource = resource_of(parsed.path);
  }

  void on_field_impl(http::field name, boost::beast::string_view, boost::beast::string_view text,
                     error_code&) override {
    const std::string_view value = view(text);
    switch (name) {
      case http::field::host:
        ++hosts_;
        if (!is_host(value)) reject(status::bad_request);
        return;
      case http::field::content_length:
        return take_content_length(value);
      case http::field::transfer_encoding:
        return take_coding(value);
      case http::field::connection:
        return for_each_member(value, [this](std::string_view option) {
          if (same(option, "close")) close_ = true;
          if (same(option, "keep-alive")) keep_alive_ = true;
        });
      case http::field::expect:
        return for_each_member(value, [this](std::string_view expectation) {
          (same(expectation, "100-continue") ? request_.expects_continue : unknown_expectation_) =
              true;
        });
      default:
        return;
    }
  }

  void on_header_impl(error_code&) override {}
  void on_finish_impl(error_code&) override {}
  void on_response_impl(int, boost::beast::string_view, int, error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(boost::beast::string_view, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view, error_code&) override {
    return 0;
  }

  static Method method_of(http::verb verb) {
    switch (verb) {
      case http::verb::get:
        return Method::get;
      case http::verb::head:
        return Method::head;
      case http::verb::post:
        return Method::post;
      case http::verb::options:
        return Method::options;
      default:
        return Method::other;
    }
  }

  /// 1*DIGIT below 2^63, once.
  void take_content_length(std::string_view value) {
    std::int64_t length = 0;
    const char* const end = value.data() + value.size();
    if (++lengths_ > 1 || value.empty() || !is_a(digit_character, value.front()))
      return reject(status::bad_request);
    const auto [stopped, error] = std::from_chars(value.data(), end, length);
    if (error != std::errc{} || stopped != end) return reject(status::bad_request);
    request_.content_length = static_cast<std::uint64_t>(length);
  }

  /// "chunked", once. A list that ends with it is framed well, but not implemented (RFC 9112 6.1);
  /// all else has no framing at all (6.3).
  void take_coding(std::string_view value) {
    if (++codings_ > 1) return reject(status::bad_request);
    if (same(value, "chunked")) return;
    unsigned members = 0;
    unsigned chunked = 0;
    bool is_last = false;
    for_each_member(value, [&](std::string_view coding) {
      ++members;
      is_last = same(coding, "chunked");
      chunked += is_last ? 1U : 0U;
    });
    unknown_coding_ =
        is_last && chunked == 1 && members > 1 ? status::not_implemented : status::bad_request;
  }

  void reject(unsigned status) {
    if (request_.error == 0) request_.error = status;
  }

  Request request_;
  unsigned hosts_ = 0;
  unsigned lengths_ = 0;
  unsigned codings_ = 0;
  unsigned unknown_coding_ = 0;  ///< the status of the answer to it
  bool is_unknown_method_ = false;
  bool unknown_expectation_ = false;
  bool close_ = false;
  bool keep_alive_ = false;
};

/// Whether a field of this name may be one that HeadParser or Beast looks at, apart from Host.
bool may_matter(std::string_view name) {
  const auto begins_with = [name](char lower) { return (name.front() | 0x20) == lower; };
  switch (name.size()) {
    case std::string_view{"Expect"}.size():
      return begins_with('e');
    case std::string_view{"Connection"}.size():
    case std::string_view{"Content-Length"}.size():
      return begins_with('c');
    case std::string_view{"Proxy-Connection"}.size():
      return begins_with('p');
    case std::string_view{"Transfer-Encoding"}.size():
      return begins_with('t');
    default:
      return false;
  }
}

}  // namespace

// HeadScanner has checked the grammar, so there is little left to do. Beast takes some 800
// instructions for one field.
std::optional<Request> read_usual_request(std::span<const char> bytes) {
  const std::string_view head{bytes.data(), bytes.size()};
  Request request;
  request.method = head.starts_with("GET ") ? Method::get : Method::head;
  if (request.method == Method::head && !head.starts_with("HEAD ")) return std::nullopt;
  const std::size_t target = head.find(' ') + 1;
  const std::size_t target_end = head.find(' ', target);
  constexpr std::string_view version = " HTTP/1.1\r\n";
  if (!head.substr(target_end).starts_with(version)) return std::nullopt;
  const Target parsed = target_of(head.substr(target, target_end - target), false);
  request.resource = resource_of(parsed.path);
  unsigned hosts = 0;
  bool is_valid = parsed.is_valid;
  for (std::size_t at = target_end + version.size(); head[at] != '\r';) {
    const std::size_t colon = head.find(':', at);
    const std::size_t end = head.find('\r', colon);
    const std::string_view name = head.substr(at, colon - at);
    if (may_matter(name)) return std::nullopt;
    if (same(name, "host")) {
      ++hosts;
      is_valid = is_valid && is_host(trimmed(head.substr(colon + 1, end - colon - 1)));
    }
    at = end + 2;
  }
  request.keeps_alive = is_valid && hosts == 1;
  if (!request.keeps_alive) request.error = status::bad_request;
  return request;
}

Request read_unusual_request(std::span<const char> head) {
  HeadParser parser;
  error_code error;
  const std::size_t taken = parser.put({head.data(), head.size()}, error);
  parser.conclude();
  Request& request = parser.request();
  if (request.error == 0 && (error || taken != head.size())) request.error = status::bad_request;
  return request;
}

Request read_request(std::span<const char> head) {
  const std::optional<Request> usual = read_usual_request(head);
  return usual ? *usual : read_unusual_request(head);
}

}  // namespace protocol
