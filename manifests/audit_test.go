package manifests_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// auditLog is what the API server says of every request.
var auditLog string

const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

// audited has the API server write its audit log below dir, and serve
// ClusterTrustBundles, which Kubernetes before 1.37 does only when asked to.
func audited(environment *envtest.Environment, dir string) error {
	auditLog = filepath.Join(dir, "audit.log")
	policy := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return err
	}
	environment.ControlPlane.GetAPIServer().Configure().
		Append("audit-policy-file", policy).
		Append("audit-log-path", auditLog).
		Append("feature-gates", "ClusterTrustBundle=true").
		Append("runtime-config", "api/all=true")
	return nil
}

// asked is one request in the audit log.
type asked struct {
	Verb             string `json:"verb"`
	ImpersonatedUser struct {
		UID string `json:"uid"`
	} `json:"impersonatedUser"`
	ObjectRef struct {
		APIGroup, Resource, Subresource, Namespace, Name string
	} `json:"objectRef"`
	Annotations map[string]string `json:"annotations"`
}

func (a asked) right() right {
	ref := a.ObjectRef
	if ref.Resource == "namespaces" { // one is said to be in itself
		ref.Namespace = ""
	}
	resource := ref.Resource
	if ref.Subresource != "" {
		resource += "/" + ref.Subresource
	}
	return right{a.Verb, ref.APIGroup, resource, ref.Namespace, ref.Name}
}

// askedBy are the requests of one of those who are ServiceAccounts in these tests.
func askedBy(uid string) ([]asked, error) {
	file, err := os.Open(auditLog)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all []asked
	for lines := bufio.NewReader(file); ; {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return all, nil // what has no end yet is being written
		}
		if err != nil {
			return nil, err
		}
		var one asked
		if err := json.Unmarshal(line, &one); err != nil {
			return nil, fmt.Errorf("decoding the audit log: %w", err)
		}
		if one.ImpersonatedUser.UID == uid {
			all = append(all, one)
		}
	}
}

// forbidden are the requests that no rule of RBAC allowed, but for those in the
// namespace that has none.
func forbidden(all []asked, roleless string) []string {
	var out []string
	for _, a := range all {
		if a.ObjectRef.Namespace != roleless && a.Annotations["authorization.k8s.io/decision"] != "allow" {
			out = append(out, a.right().String())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// granted are the single rights of install.yaml, with an empty name where a rule
// has none.
func granted() ([]right, error) {
	all, err := objects()
	if err != nil {
		return nil, err
	}
	var out []right
	for _, object := range all {
		switch role := object.(type) {
		case *rbacv1.ClusterRole:
			out = append(out, rightsOf("", role.Rules)...)
		case *rbacv1.Role:
			out = append(out, rightsOf(role.Namespace, role.Rules)...)
		}
	}
	return out, nil
}

func rightsOf(namespace string, rules []rbacv1.PolicyRule) []right {
	var out []right
	for _, rule := range rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, verb := range rule.Verbs {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, name := range names {
						out = append(out, right{verb, group, resource, namespace, name})
					}
				}
			}
		}
	}
	return out
}

// unused are the rights that no request needed.
func unused(rights []right, all []asked) []string {
	used := map[right]bool{}
	for _, a := range all {
		r := a.right()
		used[r] = true
		r.name = ""
		used[r] = true
	}
	var out []string
	for _, r := range rights {
		if !used[r] {
			out = append(out, r.String())
		}
	}
	return out
}

// named are the names under which objects of a resource were asked for; one that
// is empty stands for all of them.
func named(all []asked, namespace, resource string, verbs ...string) []string {
	var out []string
	for _, a := range all {
		if r := a.right(); r.namespace == namespace && r.resource == resource && slices.Contains(verbs, r.verb) {
			out = append(out, r.name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
