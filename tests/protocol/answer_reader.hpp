// Reads answers of HTTP/1.1 from bytes, as strictly as a test needs: each must be framed well.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tests {

struct ReadAnswer {
  unsigned status = 0;
  std::string head;                           ///< with its status line, without the empty line
  std::map<std::string, std::string> fields;  ///< names in lower case
  std::string body;
};

struct ReadAnswers {
  std::vector<ReadAnswer> answers;
  /// Bytes after the last complete answer; they may be the beginning of another one.
  std::string rest;
  /// What is wrong with them; empty if they may go on to be an answer.
  std::string fault;

  /// "100 200".
  [[nodiscard]] std::string statuses() const;
};

/// `heads`: how many of the final answers, from the first on, are to a HEAD and have no body.
ReadAnswers read_answers(std::string_view bytes, std::size_t heads = 0);

/// The body of a chunked answer that has not ended yet, as far as it is there.
std::optional<std::string> unchunked(std::string_view& bytes);

}  // namespace tests
