#!/bin/bash
# Prints the path of `actionlint`, which judges GitHub's workflows; see get-go-tool.sh.
exec "$(dirname "${BASH_SOURCE[0]}")/get-go-tool.sh" actionlint github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
