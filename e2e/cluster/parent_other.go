//go:build !linux

package main

// endWithParent does nothing where the kernel tells nobody.
func endWithParent() error { return nil }
