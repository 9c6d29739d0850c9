# Writes OUTPUT, a source that names the commit of SOURCE_DIR, and only when it differs: run with every build, so
# that `--version` is right, and without a rebuild where nothing has changed. Also writes VERSION_FILE, for the
# scripts that are installed (scripts/version.sh): a line with VERSION, a line with the commit.
cmake_minimum_required(VERSION 3.25)
set(commit "unknown")
find_program(git git)
if(git AND EXISTS ${SOURCE_DIR}/.git)
  execute_process(COMMAND ${git} rev-parse --short=12 HEAD WORKING_DIRECTORY ${SOURCE_DIR}
                  OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(commit ${found})
    execute_process(COMMAND ${git} --no-optional-locks status --porcelain --untracked-files=no WORKING_DIRECTORY ${SOURCE_DIR}
                    OUTPUT_VARIABLE changes ERROR_QUIET)
    if(changes)
      string(APPEND commit " with changes")
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT
"#include \"echo/version.hpp\"

namespace echo {
std::string_view commit() { return \"@commit@\"; }
}  // namespace echo
")
file(CONFIGURE OUTPUT ${VERSION_FILE} @ONLY CONTENT "@VERSION@\n@commit@\n")
