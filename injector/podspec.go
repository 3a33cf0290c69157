package injector

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// planner works out what a state means for one Deployment as its user wrote it.
type planner struct {
	state      *State
	deployment *appsv1.Deployment
	component  Component
	version    Version
	container  *corev1.Container
	args       argv
	edits      []edit
	findings   []Finding
}

// plan is every edit that state asks of base, or, if any finding is a fault,
// every conflict at once. It may write to base.
func plan(base *appsv1.Deployment, r Recognised, state *State) ([]edit, []Finding) {
	p := &planner{state: state, deployment: base, component: r.Component, version: r.Version}
	p.container = &base.Spec.Template.Spec.Containers[r.Container]
	args, err := parseArgv(p.container)
	if err != nil {
		p.fail(ReasonCommandUnknown, "spec.template.spec.containers["+p.container.Name+"].command", "%v", err)
		return nil, p.findings
	}
	p.args = args
	certDir := certDirInUse(p.component, p.container)
	if state.CertDir != "" {
		certDir = state.CertDir
	}
	if state.CertificateSecret != "" {
		p.certificates(certDir)
		p.certificateFlags(certDir)
		p.rereading()
	}
	p.minimumTLS()
	if p.component == ComponentOperator && state.CustomCAConfigMap != "" {
		p.customCA(certDir)
	}
	return p.edits, p.findings
}

func (p *planner) fail(reason Reason, field, format string, args ...any) {
	p.findings = append(p.findings, fault(reason, describeDeployment(p.deployment), field, format, args...))
}

// certificateFlags moves every flag that names a file of the certificate: to
// move only one of them leaves KEDA on two certificates.
func (p *planner) certificateFlags(dir string) {
	p.flag(flagCertDir, dir)
	switch p.component {
	case ComponentOperator:
		// With rotation on and another's certificate mounted, the operator
		// would overwrite the Secret and every caBundle with its own.
		p.flag(flagCertRotation, strconv.FormatBool(p.state.KEDAIssues))
	case ComponentMetricsAPIServer:
		p.flag(flagTLSCertFile, path.Join(dir, "tls.crt"))
		p.flag(flagTLSPrivateKeyFile, path.Join(dir, "tls.key"))
		p.flag(flagClientCAFile, path.Join(dir, "ca.crt"))
	}
}

// readsOnce says of what reads its certificate only at its start: both ends of
// KEDA's gRPC before 2.17.2. HTTPS is served with what the directory holds in
// every version.
func readsOnce(component Component, version Version) bool {
	return component != ComponentAdmissionWebhooks && !version.AtLeast(2, 17, 2)
}

// rereading makes another certificate another template for what reads its own
// only at its start.
func (p *planner) rereading() {
	if p.state.CertificateDigest == "" || !readsOnce(p.component, p.version) {
		return
	}
	if envIndex(p.container.Env, EnvCertificate) >= 0 {
		p.fail(ReasonNameTaken, "spec.template.spec.containers["+p.container.Name+"].env["+EnvCertificate+"]", "is a name that keda-trust needs; remove the variable")
		return
	}
	p.edits = append(p.edits, edit{Kind: editEnv, Key: EnvCertificate, Now: p.state.CertificateDigest})
}

// minimumTLS sets what the manifest says nothing about; what it says counts.
func (p *planner) minimumTLS() {
	if p.version.AtLeast(2, 20, 0) && envIndex(p.container.Env, envServiceMinTLS) < 0 {
		p.edits = append(p.edits, edit{Kind: editEnv, Key: envServiceMinTLS, Now: "TLS13"})
	}
	if p.component == ComponentMetricsAPIServer && p.args.count(flagTLSMinVersion) == 0 {
		p.flag(flagTLSMinVersion, "VersionTLS13")
	}
}

// flag plans the value of a flag that is used once; the last use counts.
func (p *planner) flag(name, value string) {
	field := fmt.Sprintf("spec.template.spec.containers[%s].args[--%s]", p.container.Name, name)
	if n := p.args.count(name); n > 1 {
		p.findings = append(p.findings, warn(ReasonRepeatedFlag, describeDeployment(p.deployment), field,
			"is given %d times (%s): KEDA takes the last, and so does keda-trust", n, strings.Join(p.args.all(name), ", ")))
	}
	present, found := p.args.last(name)
	if found && sameValue(name, present, value) {
		return
	}
	if strings.Contains(present, "$(") {
		p.fail(ReasonVariableInFlag, field, "has the value %q and must become %q: write the value out in the manifest", present, value)
		return
	}
	e := edit{Kind: editArg, Key: name, value: value}
	if was, found := p.args.raw(name); found {
		e.Was = ptr(was)
	}
	p.args.set(name, value)
	e.Now, _ = p.args.raw(name)
	p.edits = append(p.edits, e)
}

// sameValue compares as KEDA does: "/certs/" is "/certs" and "F" is "false".
func sameValue(flag, a, b string) bool {
	if a == b {
		return true
	}
	if !boolFlags[flag] {
		return path.IsAbs(a) && path.Clean(a) == path.Clean(b)
	}
	left, errLeft := strconv.ParseBool(a)
	right, errRight := strconv.ParseBool(b)
	return errLeft == nil && errRight == nil && left == right
}
