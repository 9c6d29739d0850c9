// `client merge`: its command line and its text report.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>

#include "client/options/words.hpp"
#include "client/report/merge.hpp"
#include "client/report/ranks_text.hpp"
#include "client/result/rate.hpp"
#include "echo/exit_code.hpp"
#include "echo/hgrm.hpp"
#include "echo/options.hpp"
#include "echo/output/output.hpp"
#include "echo/output/result_writer.hpp"
#include "echo/output/writer.hpp"
#include "echo/report.hpp"
#include "limits/proc_text.hpp"
#include "limits/quantity.hpp"

namespace client {
namespace {

namespace json = boost::json;
using limits::format_count;
using limits::printable;
using std::chrono::nanoseconds;

/// "p50 1 ms, p99 -, max >= 10 s"
std::string spread(const RunDocument& merged, const std::string& pointer) {
  const echo::Histogram histogram = merged.histogram(pointer);
  if (histogram.count() == 0) return "-";
  return fmt::format(
      "p50 {}, p99 {}, p99.9 {}, max {}{}", echo::text_of(histogram.percentile(50)),
      echo::text_of(histogram.percentile(99)), echo::text_of(histogram.percentile(99.9)),
      histogram.censored() > 0 ? ">= " : "", limits::format_duration(nanoseconds(histogram.max())));
}

std::string failures_text(const RunDocument& merged) {
  std::string text;
  for (const auto& [cause, count] : merged.object("/connections/failed")) {
    text += fmt::format("failed     {} {}\n", printable(cause),
                        format_count(count.to_number<std::uint64_t>()));
  }
  return text;
}

Words words_in(const RunDocument& merged) {
  return words_of(merged.text("/protocol") == "http" ? ProtocolName::http : ProtocolName::echo);
}

std::string throughput_text(const RunDocument& merged) {
  const auto rate = [&merged](const char* pointer) {
    const json::value& value = merged.at(pointer);
    if (!value.is_number()) return std::string("-");
    const auto number = value.to_number<double>();
    return number < 10 ? rate_text(number) : format_count(static_cast<std::uint64_t>(number));
  };
  return fmt::format("throughput {} {}/s, {} B/s, {} connects/s, summed\n",
                     rate("/throughput/echoes_per_s"), words_in(merged).many,
                     rate("/throughput/bytes_per_s"), rate("/throughput/connects_per_s"));
}

void add_missing(CLI::App& app, std::vector<MissingRank>& missing) {
  app.add_option_function<std::vector<std::string>>(
         "--missing",
         [&missing](const std::vector<std::string>& texts) {
           try {
             for (const std::string& text : texts) missing.push_back(parse_missing(text));
           } catch (const std::invalid_argument& error) {
             throw CLI::ValidationError("--missing", error.what());
           }
         },
         "A rank of a fleet without a document, and why; may be given several times")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->type_name("RANK=HOST: WHY");
}

}  // namespace

std::string text_of_merge(const json::value& document) {
  const RunDocument merged("merged", document);
  const auto count = [&merged](const char* pointer) { return merged.count(pointer); };
  // The documents come from elsewhere: their texts must not control the terminal.
  const auto shown = [&merged](const std::string& pointer) {
    return printable(merged.text(pointer));
  };
  std::string text =
      fmt::format("Max conc: {}\ntotal: {}\nconc: {}\n\n", count("/connections/max_concurrent"),
                  count("/connections/total"), count("/connections/open_at_end"));
  const std::uint64_t requested = count("/connections/requested");
  const std::uint64_t served = count("/connections/served");
  text += fmt::format("merged     {} {} against {}\n", merged.array("/merged_from").size(),
                      merged.at("/ranks").is_array() ? "ranks" : "runs", shown("/target"));
  text += fmt::format("requested  {}: established {}, served {}, failed {}\n",
                      format_count(requested), format_count(count("/connections/established")),
                      format_count(served), format_count(requested - std::min(requested, served)));
  text += failures_text(merged);
  text += text_of_mismatch(merged);
  text += "connect    " + spread(merged, "/latency/connect") + "\n";
  text += fmt::format("{:<10} {} {}, {} loop: {}\n", words_in(merged).one,
                      format_count(count("/latency/echo/count")), words_in(merged).many,
                      shown("/latency/loop"), spread(merged, "/latency/echo"));
  if (!merged.at("/latency/receive_lateness").is_null())
    text += "receive    " + spread(merged, "/latency/receive_lateness") + "\n";
  if (!merged.at("/latency/retransmissions").is_null()) {
    text += fmt::format("retransmitted: {} segments of the clients, on {} connections\n",
                        format_count(count("/latency/retransmissions/segments")),
                        format_count(count("/latency/retransmissions/connections")));
  }
  text += throughput_text(merged);
  text += text_of_ranks(merged);
  for (std::size_t i = 0; i < merged.array("/objectives").size(); ++i) {
    const std::string here = fmt::format("/objectives/{}", i);
    text += fmt::format("objective  {}: {}\n", shown(here + "/text"), shown(here + "/verdict"));
  }
  text += text_of_warnings(merged);
  const std::size_t missing =
      merged.at("/missing").is_array() ? merged.array("/missing").size() : 0;
  return text + fmt::format("{}: {} of {} served{}\n", count("/exit_code") == 0 ? "PASS" : "FAIL",
                            format_count(served), format_count(requested),
                            missing == 0   ? ""
                            : missing == 1 ? ", a rank is missing"
                                           : fmt::format(", {} ranks are missing", missing));
}

void write_merged(json::object& merged, echo::Output& json, echo::Output& hgrm, bool has_text,
                  echo::ResultWriter& results) {
  if (has_text && !json.is_stdout() && !hgrm.is_stdout()) results.write_text(text_of_merge(merged));
  results.attempt([&] {
    if (!hgrm.is_wanted()) return;
    hgrm.write(echo::hgrm_of(RunDocument("merged", merged).histogram("/latency/echo")),
               results.patience_for(hgrm));
  });
  results.attempt([&] {
    if (!json.is_wanted()) return;
    if (results.has_failed()) set_exit_code(merged, results.code());
    json.write(echo::text_of_document(merged), results.patience_for(json));
  });
}

int run_merge(const std::vector<std::string>& arguments) {
  std::vector<std::string> files;
  std::string json_path;
  std::string hgrm_path;
  std::vector<MissingRank> missing;
  CLI::App app{"client merge: merges the JSON documents of several runs, histograms bin for bin",
               "client merge"};
  echo::use_plain_help(app);
  app.add_option("files", files, "Documents written by `client --json FILE`")
      ->required()
      ->type_name("FILE...");
  echo::add_output(app, "--json", json_path,
                   "Write the merged document to this file; -: to stdout, without the text");
  echo::add_output(app, "--hgrm", hgrm_path,
                   "Write the echo latencies to this file in HdrHistogram's text format; -: as "
                   "--json");
  add_missing(app, missing);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    echo::write_text(app.help());
    return echo::exit_pass;
  }
  echo::Output json{"--json", json_path};
  echo::Output hgrm{"--hgrm", hgrm_path};
  echo::refuse_shared_outputs({&json, &hgrm});
  std::vector<RunDocument> runs;
  runs.reserve(files.size());
  for (const std::string& file : files) runs.push_back(read_document(file));
  json::value merged = merge(runs, missing);
  // A signal may have ended one of the runs, but not this program.
  const bool passed = merged.at("exit_code").to_number<int>() == 0;
  echo::ResultWriter results{passed ? echo::exit_pass : echo::exit_fail};
  write_merged(merged.as_object(), json, hgrm, true, results);
  return results.finish();
}

}  // namespace client
