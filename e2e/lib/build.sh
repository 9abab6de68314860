# Go programs, built from the pinned modules below e2e/go and kept in the cache.
# A program is built once for each state of its module's directory, never twice.
# shellcheck shell=bash

# go_tools MODULE PACKAGE...: builds what is missing and leaves the directory of the programs in GO_TOOLS.
# MODULE is a directory below e2e/go; a program is called as the last part of its package's path.
go_tools() {
  local module=$E2E/go/$1 package name
  GO_TOOLS=$(go_tools_dir "$1")
  shift
  mkdir -p "$GO_TOOLS"
  for package in "$@"; do
    name=${package##*/}
    [[ -x $GO_TOOLS/$name ]] || stage "built $name" locked_build "$module" "$package" "$GO_TOOLS/$name"
  done
}

# go_tools_dir MODULE: where the programs of this state of the module are, built or not.
go_tools_dir() {
  local key
  key=$(cd "$E2E/go/$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum | cat - <(go version) | sha256sum)
  printf '%s/bin/%s-%s\n' "$SERIN_CACHE" "$1" "${key:0:12}"
}

# Two clusters that come up together must not build the same program twice.
locked_build() {
  (
    flock 9
    [[ -x $3 ]] || go_build "$@"
  ) 9>"$SERIN_CACHE/lock"
}

# Debug information that the linker drops is not even made: 6 % of the compiler's time. Compilers are
# short-lived, so below the limit none of their memory is worth collecting: a third of their time.
go_build() {
  local module=$1 package=$2 target=$3 log=$3.log flags="-s -w"
  [[ ! -f $module/ldflags ]] || flags+=" $(<"$module/ldflags")"
  if ! (cd "$module" && CGO_ENABLED=0 GOFLAGS=-mod=readonly GOGC=off GOMEMLIMIT=1200MiB nice go build -buildvcs=false -gcflags all=-dwarf=false -ldflags "$flags" -o "$target.new" "$package") >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    die "$package does not build; see $log"
  fi
  mv "$target.new" "$target"
  rm -f "$log"
}

# go_module_dir MODULE PATH: the source of a dependency, for the manifests that it carries.
go_module_dir() {
  (cd "$E2E/go/$1" && GOFLAGS=-mod=readonly go mod download "$2" && go list -m -f '{{.Dir}}' "$2")
}
