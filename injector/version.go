package injector

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// envServiceMinTLS is KEDA's switch for TLS between its components. It proves no
// version: what KEDA does not know of its environment it ignores.
const envServiceMinTLS = "KEDA_SERVICE_MIN_TLS_VERSION"

// Version is a version of KEDA; pre-releases count as their release.
type Version struct{ Major, Minor, Patch int }

// oldestVersion is the first whose components speak TLS among themselves, and
// what an unknown version counts as.
var oldestVersion = Version{2, 10, 0}

// versionText is a tag or label: no part is long enough to overflow.
var versionText = regexp.MustCompile(`^v?([0-9]{1,5})\.([0-9]{1,5})(?:\.([0-9]{1,5}))?(?:[-+_.].*)?$`)

// AtLeast tells whether v is major.minor.patch or later.
func (v Version) AtLeast(major, minor, patch int) bool {
	if v.Major != major {
		return v.Major > major
	}
	if v.Minor != minor {
		return v.Minor > minor
	}
	return v.Patch >= patch
}

// String is the form of KEDA's tags, "2.17.2".
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

func (v Version) atLeast(w Version) bool { return v.AtLeast(w.Major, w.Minor, w.Patch) }

func parseVersion(text string) (Version, bool) {
	m := versionText.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return Version{}, false
	}
	return Version{number(m[1]), number(m[2]), number(m[3])}, true
}

// number reads up to five digits; none is zero.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

// detectVersion is the version that c runs, never above what it may be: an
// unknown flag is fatal to KEDA.
func detectVersion(d *appsv1.Deployment, c *corev1.Container) (Version, []Finding) {
	version, found := annotatedVersion(d)
	if version != (Version{}) {
		return version, found
	}
	_, tag := splitImage(c.Image)
	label := d.Labels[labelVersion]
	version = oldestVersion
	byLabel, labelled := kedaVersion(label)
	byTag, tagged := kedaVersion(tag)
	switch {
	case labelled && tagged && byLabel != byTag:
		version = lower(byLabel, byTag)
		found = append(found, warn(ReasonVersionConflict, describeDeployment(d), "metadata.labels["+labelVersion+"]",
			"the label says %s, the image of container %q %s: %s counts; the annotation %s decides", byLabel, c.Name, byTag, version, AnnotationVersion))
	case labelled:
		version = byLabel
	case tagged:
		version = byTag
	}
	if floor := versionFloor(c); !version.atLeast(floor) {
		version = floor
	}
	return version, found
}

func annotatedVersion(d *appsv1.Deployment) (Version, []Finding) {
	text, ok := d.Annotations[AnnotationVersion]
	if !ok {
		return Version{}, nil
	}
	version, ok := parseVersion(text)
	if ok && version.atLeast(oldestVersion) {
		return version, nil
	}
	return Version{}, []Finding{fault(ReasonOptionInvalid, describeDeployment(d), "metadata.annotations["+AnnotationVersion+"]",
		"%q is not a version of KEDA that keda-trust knows: want 2.10.0 or later", text)}
}

// kedaVersion reads a label or tag. Private tags such as 1.2.3-corp or dates
// are no versions of KEDA, and a next major may have dropped any flag.
func kedaVersion(text string) (Version, bool) {
	version, ok := parseVersion(text)
	return version, ok && version.Major == oldestVersion.Major && version.atLeast(oldestVersion)
}

func lower(a, b Version) Version {
	if a.atLeast(b) {
		return b
	}
	return a
}

// flagsSince are flags whose presence proves a version, for older ones would
// not start with them.
var flagsSince = []struct {
	flag  string
	since Version
}{
	{flagAPIServicePatching, Version{2, 20, 0}},
	{"leader-election-id", Version{2, 20, 0}},
	{flagWebhookPatching, Version{2, 17, 0}},
	{flagCADir, Version{2, 15, 0}},
	{flagMetricsAuthority, Version{2, 14, 0}},
	{flagClusterDomain, Version{2, 12, 0}},
}

func versionFloor(c *corev1.Container) Version {
	a, err := parseArgv(c)
	if err != nil { // told where the flags are needed
		return oldestVersion
	}
	for _, known := range flagsSince {
		if a.count(known.flag) > 0 {
			return known.since
		}
	}
	return oldestVersion
}
