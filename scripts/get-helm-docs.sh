#!/bin/bash
# Prints the path of `helm-docs`, which writes the README of the chart; see get-go-tool.sh.
exec "$(dirname "${BASH_SOURCE[0]}")/get-go-tool.sh" helm-docs github.com/norwoodj/helm-docs/cmd/helm-docs@v1.14.2
