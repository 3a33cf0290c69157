package injector

import (
	"strings"
	"testing"
)

func sealedState(t *testing.T) State {
	t.Helper()
	s := State{CertificateSecret: PublishedSecret, CustomCAConfigMap: PublishedCAPrefix + "0123456789", CustomCADir: DefaultCustomCADir, CABundle: []byte("bundle")}
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAStateComesBackAsItWasPublished(t *testing.T) {
	t.Parallel()
	s := sealedState(t)
	raw, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseState(raw)
	if err != nil {
		t.Fatal(err)
	}
	if back.ID != s.ID || back.CustomCAConfigMap != s.CustomCAConfigMap {
		t.Fatalf("got %+v, want %+v", back, s)
	}
}

func TestAStateThatIsNotOursIsRefused(t *testing.T) {
	t.Parallel()
	s := sealedState(t)
	raw, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ raw, want string }{
		"not JSON":         {"{", "decoding state"},
		"a later format":   {strings.Replace(string(raw), `"format":1`, `"format":2`, 1), "format 2, this keda-trust knows 1"},
		"edited by hand":   {strings.Replace(string(raw), PublishedSecret, "another", 1), "does not match its content"},
		"an unknown shape": {`{"format":1}`, "does not match its content"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ParseState([]byte(c.raw)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error that says %q", err, c.want)
			}
		})
	}
}

func TestTheIDFollowsEveryField(t *testing.T) {
	t.Parallel()
	base := sealedState(t)
	changes := map[string]func(*State){
		"issuer":     func(s *State) { s.KEDAIssues = true },
		"secret":     func(s *State) { s.CertificateSecret = "x" },
		"cert dir":   func(s *State) { s.CertDir = "/x" },
		"custom CA":  func(s *State) { s.CustomCAConfigMap = "x" },
		"custom dir": func(s *State) { s.CustomCADir = "/x" },
		"caBundle":   func(s *State) { s.CABundle = []byte("x") },
		"rollout":    func(s *State) { s.ManualRollout = true },
	}
	for name, change := range changes {
		s := base
		change(&s)
		if err := s.Seal(); err != nil {
			t.Fatal(err)
		}
		if s.ID == base.ID {
			t.Errorf("the ID does not follow the %s", name)
		}
	}
}

func TestEveryReasonHasASentence(t *testing.T) {
	t.Parallel()
	for reason, sentence := range sentences {
		if sentence == "" || strings.HasSuffix(sentence, ".") {
			t.Errorf("%s: %q", reason, sentence)
		}
	}
}

func TestADeploymentCarriesOfAStateWhatItsPodsDoNotReadAgain(t *testing.T) {
	t.Parallel()
	carried := func(readsOnce bool, change func(*State)) string {
		s := sealedState(t)
		change(&s)
		id, err := s.CarriedID(readsOnce)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	for name, c := range map[string]struct {
		change             func(*State)
		rereads, readsOnce bool // whether it carries another
	}{
		"the same":               {func(*State) {}, false, false},
		"another caBundle":       {func(s *State) { s.CABundle = []byte("other") }, false, false},
		"rollouts by hand":       {func(s *State) { s.ManualRollout = true }, false, false},
		"another certificate":    {func(s *State) { s.CertificateDigest = "other" }, false, true},
		"another Secret":         {func(s *State) { s.CertificateSecret = "other" }, true, true},
		"another directory":      {func(s *State) { s.CertDir = "/tls" }, true, true},
		"KEDA issues":            {func(s *State) { s.KEDAIssues = true }, true, true},
		"other custom CAs":       {func(s *State) { s.CustomCAConfigMap += "1" }, true, true},
		"custom CAs, other path": {func(s *State) { s.CustomCADir = "/ca" }, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for readsOnce, want := range map[bool]bool{false: c.rereads, true: c.readsOnce} {
				if got := carried(readsOnce, c.change) != carried(readsOnce, func(*State) {}); got != want {
					t.Errorf("reads its certificate once: %t; carries another: %t, want %t", readsOnce, got, want)
				}
			}
		})
	}
}

func TestWhatAnObjectCarriesIsReadFromItsAnnotations(t *testing.T) {
	t.Parallel()
	s := sealedState(t)
	once, err := s.CarriedID(true)
	if err != nil {
		t.Fatal(err)
	}
	record := func(bundle string) string { return `{"v":1,"bundles":[{"now":"` + digest([]byte(bundle)) + `"}]}` }
	for name, c := range map[string]struct {
		annotations map[string]string
		want        bool
	}{
		"a Deployment":                       {map[string]string{AnnotationStateID: once, AnnotationInjected: "{}"}, true},
		"a Deployment of another":            {map[string]string{AnnotationStateID: "other", AnnotationInjected: record("bundle")}, false},
		"an object with the caBundle":        {map[string]string{AnnotationInjected: record("bundle")}, true},
		"an object with another caBundle":    {map[string]string{AnnotationInjected: record("other")}, false},
		"an object that was never injected":  {nil, false},
		"an object whose record is not ours": {map[string]string{AnnotationInjected: "bundle"}, false},
	} {
		if got := s.CarriedBy(c.annotations); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}
