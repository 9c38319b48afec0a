"""One package per Lambda, named verb_noun, each with a ten-line handler."""
