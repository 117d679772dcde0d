# Comments of the public headers as Doxygen takes them. A comment stands before what it is about, up
# to the next blank line, or beside it, with lines that go on below.
function escaped(text) { gsub(/[<>#@\\]/, "\\\\&", text); return text }
NR == 1 { print "/// \\file" }
/^ *$/ { about = ""; is_first = 1 }
/^ *\/\/ -- / { print ""; next }
/^ *\/\// {
  text = $0; sub(/^ *\/\/ ?/, "", text); text = escaped(text)
  match($0, /[^ ]/)
  if (beside && RSTART == beside) print "///< " text
  else { about = (beside ? "" : about) "/// " text "\n"; print "/// " text; is_first = 1; beside = 0 }
  next
}
{
  beside = 0
  line = $0
  if ((at = match($0, / +\/\/ /)) && !/^ *#/ && !/\\$/) {
    beside = at + RLENGTH - 3
    line = substr($0, 1, at) " ///< " escaped(substr($0, at + RLENGTH))
  }
  if (/^(extern )?NCA_API / && !is_first) printf "%s", about
  print line
  if (/;$/ || /; +\/\//) is_first = 0
}
