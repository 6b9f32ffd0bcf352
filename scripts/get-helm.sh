#!/bin/bash
# Prints the path of `helm`, which renders the chart; see get-go-tool.sh.
exec "$(dirname "${BASH_SOURCE[0]}")/get-go-tool.sh" helm helm.sh/helm/v3/cmd/helm@v3.21.4
