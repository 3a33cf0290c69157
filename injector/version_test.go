package injector

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

func TestVersionIsTheLowerOfLabelAndTagAboveTheFloor(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		label, tag string
		args       []string
		env        []corev1.EnvVar
		want       Version
		conflict   bool
	}{
		"label and tag agree":                    {label: "2.17.2", tag: "2.17.2", want: Version{2, 17, 2}},
		"the label alone":                        {label: "2.14.1", tag: "latest", want: Version{2, 14, 1}},
		"the tag alone":                          {tag: "v2.21.0", want: Version{2, 21, 0}},
		"the label is lower":                     {label: "2.14.1", tag: "2.17.2", want: Version{2, 14, 1}, conflict: true},
		"a tag below 2.10 is not KEDA's":         {label: "2.20.2", tag: "2.9.3", want: Version{2, 20, 2}},
		"the tag is lower and a version":         {label: "2.20.2", tag: "2.17.2", want: Version{2, 17, 2}, conflict: true},
		"a private tag is no version of KEDA":    {label: "2.14.1", tag: "1.2.3-corp", want: Version{2, 14, 1}},
		"a private tag alone":                    {tag: "1.2.3-corp", want: Version{2, 10, 0}},
		"a date is no version of KEDA":           {tag: "2026.11.3", want: Version{2, 10, 0}},
		"a tag with Red Hat's build":             {tag: "2.15.1-4", want: Version{2, 15, 1}},
		"a label with build metadata":            {label: "2.18.3_corp.1", want: Version{2, 18, 3}},
		"no patch":                               {tag: "2.16", want: Version{2, 16, 0}},
		"neither":                                {want: Version{2, 10, 0}},
		"nonsense":                               {label: "2.x", tag: "99999999999999999999.1.1", want: Version{2, 10, 0}},
		"a flag proves a floor":                  {args: []string{"--ca-dir=/x"}, want: Version{2, 15, 0}},
		"a switch proves a floor":                {args: []string{"--enable-webhook-patching"}, want: Version{2, 17, 0}},
		"the newest flag counts":                 {args: []string{"--ca-dir=/x", "--enable-apiservice-patching=false"}, want: Version{2, 20, 0}},
		"a variable proves nothing":              {env: []corev1.EnvVar{{Name: envServiceMinTLS}}, want: Version{2, 10, 0}},
		"the floor is above label and tag":       {label: "2.14.1", tag: "2.14.1", args: []string{"--enable-webhook-patching=true"}, want: Version{2, 17, 0}},
		"a floor below the label changes none":   {label: "2.21.0", args: []string{"--ca-dir=/x"}, want: Version{2, 21, 0}},
		"flags that cannot be read prove none":   {args: []string{"--ca-dir=/x", "--", "x"}, want: Version{2, 10, 0}},
		"a lower tag counts, the floor above it": {label: "2.21.0", tag: "2.14.0", args: []string{"--ca-dir=/x"}, want: Version{2, 15, 0}, conflict: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := corev1.Container{Name: "keda", Image: "r:5000/keda:" + tc.tag, Command: []string{"/keda"}, Args: tc.args, Env: tc.env}
			got := Recognise(deployment("keda-operator", withLabels(labelVersion, tc.label), c))
			if got.Version != tc.want {
				t.Errorf("version %s, want %s", got.Version, tc.want)
			}
			if conflict := len(got.Findings) == 1 && got.Findings[0].Reason == ReasonVersionConflict && got.Findings[0].Warning; conflict != tc.conflict {
				t.Errorf("findings %v, want a warning of a conflict: %t", got.Findings, tc.conflict)
			}
		})
	}
}

func TestVersionAnnotationDecides(t *testing.T) {
	t.Parallel()
	annotated := func(version string) Recognised {
		return Recognise(deployment("x", func(d *appsv1.Deployment) {
			withAnnotations(AnnotationVersion, version)(d)
			withLabels(labelVersion, "2.14.1")(d)
		}, image("keda", "keda:2.17.2", "/keda")))
	}
	if got := annotated("2.20"); got.Version != (Version{2, 20, 0}) || len(got.Findings) > 0 {
		t.Errorf("version %s, findings %v; want 2.20.0 and none", got.Version, got.Findings)
	}
	for _, refused := range []string{"2.9.3", "", "newest"} {
		got := annotated(refused)
		if faults := Faults(got.Findings); len(faults) != 1 || faults[0].Reason != ReasonOptionInvalid {
			t.Errorf("%q: findings %v, want the fault OptionInvalid", refused, got.Findings)
		}
	}
}

func TestVersionAtLeastComparesPartByPart(t *testing.T) {
	t.Parallel()
	v := Version{2, 17, 2}
	for _, older := range []Version{{1, 99, 99}, {2, 9, 9}, {2, 17, 1}, {2, 17, 2}} {
		if !v.atLeast(older) {
			t.Errorf("%s is not at least %s", v, older)
		}
	}
	for _, newer := range []Version{{3, 0, 0}, {2, 18, 0}, {2, 17, 3}} {
		if v.atLeast(newer) {
			t.Errorf("%s is at least %s", v, newer)
		}
	}
}
