// echo_threads: the blocking side of the testbed. Try: ./echo_threads --help
#include "echo/exit_code.hpp"
#include "echo_threads/models.hpp"
#include "server/server_main.hpp"

namespace {

int run(int argc, char** argv) {
  return server::server_main("echo_threads", echo_threads::models(), echo_threads::default_model(),
                             argc, argv);
}

}  // namespace

int main(int argc, char** argv) {
  return echo::guarded_main("echo_threads", run, argc, argv);
}
