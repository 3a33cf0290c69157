package injector

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// stateFormat is raised when a State written by one version cannot be carried
// out by the version before.
const stateFormat = 1

// State is the one decision for one installation of KEDA: what admission and
// the controllers carry out. It is published as JSON in StateConfigMap and
// holds no secret. Its ID is a digest of everything else in it.
type State struct {
	Format int    `json:"format"`
	ID     string `json:"id"`

	// KEDAIssues: the operator creates and rotates CertificateSecret itself,
	// which is mounted directly, and keda-admission is KEDA's to write.
	KEDAIssues bool `json:"kedaIssues,omitempty"`
	// CertificateSecret is the Secret whose tls.crt, tls.key and ca.crt are
	// mounted; empty where certificates are left as they are.
	CertificateSecret string `json:"certificateSecret,omitempty"`
	// CertificateDigest names the certificate and CA in PublishedSecret, and so
	// when a KEDA that does not read them again has to restart; empty where the
	// Secret is another's.
	CertificateDigest string `json:"certificateDigest,omitempty"`
	// CertDir is where; empty for the directory that each component uses.
	CertDir string `json:"certDir,omitempty"`

	// CustomCAConfigMap holds PublishedCAKey; empty for no custom CAs.
	CustomCAConfigMap string `json:"customCAConfigMap,omitempty"`
	// CustomCADir is never empty where CustomCAConfigMap is set.
	CustomCADir string `json:"customCADir,omitempty"`

	// CABundle is PEM, what verifies the certificate; empty where it is not
	// known (yet), as when KEDA is the issuer and has not issued.
	CABundle []byte `json:"caBundle,omitempty"`

	// ManualRollout: nothing restarts before the next write by somebody else.
	ManualRollout bool `json:"manualRollout,omitempty"`
}

// Seal sets Format and ID from the rest of the state.
func (s *State) Seal() error {
	s.Format, s.ID = stateFormat, ""
	raw, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encoding state: %w", err)
	}
	sum := sha256.Sum256(raw)
	s.ID = hex.EncodeToString(sum[:8])
	return nil
}

// CarriedID is the ID of what a Deployment carries of the state, the value of
// AnnotationStateID: it stays where only what API servers verify with changes, or
// what pods read again. readsOnce is for a KEDA that reads its certificate at its
// start only.
func (s State) CarriedID(readsOnce bool) (string, error) {
	s.CABundle, s.ManualRollout = nil, false
	if !readsOnce {
		s.CertificateDigest = ""
	}
	err := s.Seal()
	return s.ID, err
}

// CarriedBy tells whether an injected object with these annotations was injected from
// this state, or from one that made the same of it.
func (s State) CarriedBy(annotations map[string]string) bool {
	id, isDeployment := annotations[AnnotationStateID]
	if !isDeployment {
		return len(RecordedBundles(annotations, s.CABundle)) > 0
	}
	for _, readsOnce := range []bool{false, true} {
		if want, err := s.CarriedID(readsOnce); err == nil && id == want {
			return true
		}
	}
	return false
}

// Unstaged says whether s is carried out at once where before, which may be nil, is
// published: back to a certificate that keda-trust does not publish, and so knows no
// stages to.
func (s State) Unstaged(before *State) bool {
	return before != nil && before.CertificateSecret == PublishedSecret && s.CertificateSecret != PublishedSecret
}

// Encode is the JSON that is published.
func (s State) Encode() ([]byte, error) { return json.Marshal(s) }

// ParseState reads what Encode wrote. A state that a newer keda-trust wrote in
// another format, or that was edited by hand, is an error.
func ParseState(raw []byte) (*State, error) {
	var s State
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("decoding state: %w", err)
	}
	if s.Format != stateFormat {
		return nil, fmt.Errorf("decoding state: format %d, this keda-trust knows %d", s.Format, stateFormat)
	}
	sealed := s
	if err := sealed.Seal(); err != nil {
		return nil, err
	}
	if sealed.ID != s.ID {
		return nil, fmt.Errorf("decoding state: ID %q does not match its content", s.ID)
	}
	return &s, nil
}
