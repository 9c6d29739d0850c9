// echo_async: the event-driven side of the testbed. Try: ./echo_async --help
#include "echo/exit_code.hpp"
#include "echo_async/models.hpp"
#include "server/server_main.hpp"

namespace {

int run(int argc, char** argv) {
  return server::server_main("echo_async", echo_async::models(), echo_async::default_model(), argc,
                             argv, {{"liburing", TESTBED_LIBURING_VERSION}});
}

}  // namespace

int main(int argc, char** argv) {
  return echo::guarded_main("echo_async", run, argc, argv);
}
