package injector

import (
	"path"
	"slices"
	"strings"
)

// systemDirs would hide what a container needs to run, or its own token.
var systemDirs = []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/tmp", "/usr", "/var"}

// programs are files of KEDA's images, on or below which nothing can be mounted.
var programs = []string{"/keda", "/keda-adapter", "/keda-admission-webhooks"}

// allowedBelow are system directories in which a directory of one's own is usual.
var allowedBelow = map[string]bool{"/etc": true, "/run": true, "/usr": true, "/var": true, "/tmp": true}

// dir is a directory, for which usual stands as the example.
func (p *optionParser) dir(key, usual string) string {
	text, found := p.values[key]
	if !found {
		return ""
	}
	dir := strings.TrimSpace(text)
	clean := strings.TrimSuffix(dir, "/")
	switch {
	case !path.IsAbs(dir):
		p.fail(key, "%q is not an absolute path such as %s", text, usual)
	case path.Clean(dir) != clean:
		p.fail(key, "%q is not a clean path: want no \"..\", \".\" or empty element, and not \"/\"", text)
	case strings.ContainsAny(dir, ":,$\"'\\\n\t"):
		p.fail(key, "%q has a character that a mount path or a flag cannot carry", text)
	case systemDir(clean):
		p.fail(key, "%q is a system directory: want one of its own, such as %s", text, usual)
	case below(programs, clean):
		p.fail(key, "%q is on or below a program of KEDA's image, where nothing can be mounted: want a directory such as %s", text, usual)
	default:
		return clean
	}
	return ""
}

func systemDir(dir string) bool {
	for _, system := range systemDirs {
		if dir == system || (strings.HasPrefix(dir, system+"/") && !allowedBelow[system]) {
			return true
		}
	}
	return below([]string{"/etc/ssl", "/etc/pki", "/usr/lib", "/usr/bin", "/usr/local/bin", "/usr/share", "/var/run", "/run/secrets"}, dir)
}

func below(dirs []string, dir string) bool {
	return slices.ContainsFunc(dirs, func(above string) bool { return dir == above || strings.HasPrefix(dir, above+"/") })
}

// overlap says whether one path is the other or lies below it.
func overlap(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}
