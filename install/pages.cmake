# What the program says of itself, as files: its manual, a page for every command, and completion
# for three shells.
#   cmake -DPROGRAM=nca -DOUT=FOLDER -P pages.cmake
function(keep file)
  execute_process(COMMAND ${PROGRAM} ${ARGN} OUTPUT_FILE ${OUT}/${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${OUT})
file(MAKE_DIRECTORY ${OUT}/man ${OUT}/completion)
execute_process(COMMAND ${PROGRAM} --help OUTPUT_VARIABLE help COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "\n  [a-z]+ " commands "${help}")
keep(man/nca.1 man)
foreach(command ${commands})
  string(STRIP "${command}" command)
  keep(man/nca-${command}.1 man ${command})
endforeach()
keep(completion/nca completion bash)
keep(completion/_nca completion zsh)
keep(completion/nca.fish completion fish)
