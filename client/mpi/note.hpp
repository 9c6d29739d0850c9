// What the ranks tell each other through MPI, and the descriptors of its requests.
//
// Every rank talks to rank 0 only. A note is small enough to be sent at once (the eager limit is
// 64 KiB over TCP), so a rank that leaves need not wait for the other. Nothing here blocks: a
// blocking call of MPI keeps a processor busy, and is deaf to signals.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>

namespace client::mpi {

enum class Kind : std::int32_t {
  // to rank 0
  ready,     ///< it can begin
  refused,   ///< it cannot: code, text
  standing,  ///< its connections stand, or have failed
  ended,     ///< its traffic has ended, with this code; value is 1 if its server was lost
  document,  ///< its document follows: value is the size
  // from rank 0
  seed,       ///< of the payload: value
  turn,       ///< measure your clock now
  due,        ///< begin at this time of rank 0's clock: value
  gone,       ///< rank 0 comes to no meeting any more: begin at once
  refuse,     ///< the whole is refused: code
  hand_over,  ///< send your document; there is no time to measure the clock
  merged      ///< all is written: end with this code; value is 1 if no rank is missing
};

/// Sent as bytes: all hosts of a fleet have one byte order.
struct Note {
  Kind kind{};
  std::int32_t code = 0;
  std::int64_t value = 0;
  char host[72] = {};
  char text[936] = {};
};

/// Copies as much of `from` as fits, with the null at the end.
template <std::size_t size>
void copy_text(char (&to)[size], std::string_view from) {
  to[from.copy(to, size - 1)] = '\0';
}

enum Tag : int { note_tag = 1, ping_tag, pong_tag, document_tag };

/// Whether `request` is complete. One that failed is complete too: its peer is gone.
bool is_complete(MPI_Request& request);
/// Ends a receive that nothing is expected of any more.
void cancel(MPI_Request& request);

/// Notes from one rank, in their order.
class NoteReceiver {
 public:
  explicit NoteReceiver(int peer);
  ~NoteReceiver();
  NoteReceiver(const NoteReceiver&) = delete;
  NoteReceiver& operator=(const NoteReceiver&) = delete;
  /// The next one, if it is here.
  std::optional<Note> take();

 private:
  void receive();

  int peer_;
  Note note_;
  MPI_Request request_ = MPI_REQUEST_NULL;
};

/// Notes to any rank.
class NoteSender {
 public:
  NoteSender() = default;
  ~NoteSender();
  NoteSender(const NoteSender&) = delete;
  NoteSender& operator=(const NoteSender&) = delete;
  void send(int peer, const Note& note);
  /// Whether all are on their way.
  bool is_idle();

 private:
  struct Sending {
    Note note;
    MPI_Request request = MPI_REQUEST_NULL;
  };
  std::list<Sending> sending_;
};

}  // namespace client::mpi
