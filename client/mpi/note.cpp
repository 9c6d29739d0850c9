#include "client/mpi/note.hpp"

namespace client::mpi {

bool is_complete(MPI_Request& request) {
  if (request == MPI_REQUEST_NULL) return true;
  int complete = 0;
  if (MPI_Test(&request, &complete, MPI_STATUS_IGNORE) == MPI_SUCCESS) return complete != 0;
  request = MPI_REQUEST_NULL;
  return true;
}

void cancel(MPI_Request& request) {
  if (request == MPI_REQUEST_NULL) return;
  MPI_Cancel(&request);
  // Nothing was received, as a rule, and it is complete at once.
  constexpr int tries = 100;
  for (int i = 0; i < tries; ++i) {
    if (is_complete(request)) return;
  }
  MPI_Request_free(&request);
}

NoteReceiver::NoteReceiver(int peer) : peer_(peer) {
  receive();
}

NoteReceiver::~NoteReceiver() {
  cancel(request_);
}

void NoteReceiver::receive() {
  if (MPI_Irecv(&note_, sizeof note_, MPI_BYTE, peer_, note_tag, MPI_COMM_WORLD, &request_) !=
      MPI_SUCCESS)
    request_ = MPI_REQUEST_NULL;
}

std::optional<Note> NoteReceiver::take() {
  if (request_ == MPI_REQUEST_NULL) return std::nullopt;  // the peer is gone
  int complete = 0;
  if (MPI_Test(&request_, &complete, MPI_STATUS_IGNORE) != MPI_SUCCESS) {
    request_ = MPI_REQUEST_NULL;
    return std::nullopt;
  }
  if (complete == 0) return std::nullopt;
  const Note note = note_;
  receive();
  return note;
}

/// What is not on its way by now was sent to a rank that is gone: its memory is left to MPI.
NoteSender::~NoteSender() {
  for (Sending& each : sending_) {
    if (each.request != MPI_REQUEST_NULL) MPI_Request_free(&each.request);
  }
}

void NoteSender::send(int peer, const Note& note) {
  is_idle();
  Sending& each = sending_.emplace_back(Sending{note});
  if (MPI_Isend(&each.note, sizeof each.note, MPI_BYTE, peer, note_tag, MPI_COMM_WORLD,
                &each.request) != MPI_SUCCESS)
    each.request = MPI_REQUEST_NULL;
}

bool NoteSender::is_idle() {
  sending_.remove_if([](Sending& each) { return is_complete(each.request); });
  return sending_.empty();
}

}  // namespace client::mpi
