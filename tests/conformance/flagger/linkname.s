// An assembly file, so that functions without bodies compile: their bodies are in another module.
