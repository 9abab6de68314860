// The end-to-end tests' own programs: the demo app, the load and what watches them. Standard library only.
module serin.dev/e2e

go 1.24
