// The socket of every Asio model, with its executor's type spelt out: Asio's default,
// any_io_executor, takes 88 bytes a socket and an indirect call an operation, this one 40 and none.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>

namespace echo_async {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<tcp, Executor>;
template <typename On>
using TimerOn = asio::basic_waitable_timer<std::chrono::steady_clock,
                                           asio::wait_traits<std::chrono::steady_clock>, On>;
using Timer = TimerOn<Executor>;

/// What runs on a strand never runs twice at once, on however many threads the io_context does. A
/// server's own business (accepting, the stop, the idle scan) goes on one; connections need none.
using Strand = asio::strand<Executor>;

}  // namespace echo_async
