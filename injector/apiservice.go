package injector

import (
	"bytes"

	"k8s.io/apimachinery/pkg/util/json"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// bundleView holds the fields of an APIService that injection may change.
type bundleView struct {
	Metadata metadataView `json:"metadata"`
	Spec     struct {
		CABundle              []byte `json:"caBundle,omitempty"`
		InsecureSkipTLSVerify bool   `json:"insecureSkipTLSVerify,omitempty"`
	} `json:"spec"`
}

func viewAPIService(a *apiregistrationv1.APIService) bundleView {
	v := bundleView{Metadata: metadataView{Labels: a.Labels, Annotations: a.Annotations}}
	v.Spec.CABundle, v.Spec.InsecureSkipTLSVerify = a.Spec.CABundle, a.Spec.InsecureSkipTLSVerify
	return v
}

func (j *job) apiService() Result {
	a := &apiregistrationv1.APIService{}
	if err := json.Unmarshal(j.request.Object, a); err != nil {
		return j.unreadable(err)
	}
	if a.Name != KEDAAPIService || a.Spec.Service == nil {
		return j.left(ReasonPassedThrough)
	}
	r, findings := j.bundleRecordOf(a.Annotations)
	if result, settled := j.settle(findings, a.Labels, a.Annotations); settled {
		return result
	}
	if j.taken(a.Labels) {
		return j.finishAPIService(a, uninjectAPIService(a, r, j.request.Offline))
	}
	after, wanted, err := j.injectAPIService(a, r)
	if err != nil {
		return j.unreadable(err)
	}
	if !wanted {
		return j.withoutBundle()
	}
	if faults := j.tooLarge(after.Annotations); len(faults) > 0 {
		j.tell(faults)
		return j.because(faults, nil)
	}
	j.report.Injected = true
	return j.finishAPIService(a, after)
}

func (j *job) finishAPIService(before, after *apiregistrationv1.APIService) Result {
	would := describeBundleEdit("spec.caBundle", before.Spec.CABundle, after.Spec.CABundle)
	switch {
	case before.Spec.InsecureSkipTLSVerify && !after.Spec.InsecureSkipTLSVerify:
		would = append(would, "would drop insecureSkipTLSVerify")
	case !before.Spec.InsecureSkipTLSVerify && after.Spec.InsecureSkipTLSVerify:
		would = append(would, "would set insecureSkipTLSVerify again")
	}
	return j.finishBundle(viewAPIService(before), viewAPIService(after), would)
}

func uninjectAPIService(a *apiregistrationv1.APIService, r bundleRecord, offline bool) *apiregistrationv1.APIService {
	after := a.DeepCopy()
	after.Spec.CABundle, _ = r.original("", a.Spec.CABundle)
	// In a cluster nobody is ever put back to not verifying.
	if offline && r.SkipsVerify {
		after.Spec.InsecureSkipTLSVerify = true
	}
	delete(after.Annotations, AnnotationInjected)
	delete(after.Annotations, AnnotationNudge)
	return after
}

// injectAPIService is a with the caBundle of the state; wanted is false where
// there is none. The API server refuses a caBundle beside
// insecureSkipTLSVerify: true, so one write changes both.
func (j *job) injectAPIService(a *apiregistrationv1.APIService, r bundleRecord) (after *apiregistrationv1.APIService, wanted bool, err error) {
	was, ours := r.original("", a.Spec.CABundle)
	bundle := j.wantedBundle(a.Spec.CABundle, ours)
	if len(bundle) == 0 {
		return nil, false, nil
	}
	after = a.DeepCopy()
	after.Spec.CABundle = bundle
	after.Spec.InsecureSkipTLSVerify = false
	next := bundleRecord{SkipsVerify: r.SkipsVerify || a.Spec.InsecureSkipTLSVerify}
	if ours || !bytes.Equal(bundle, a.Spec.CABundle) {
		next.Bundles = []bundleEdit{{Was: was, Now: digest(bundle)}}
	}
	return after, true, next.write(&after.Annotations)
}

// wantedBundle is what the caBundle has to be, empty where that is not known.
//
//	KEDA issues    present       wanted
//	no             any           the state's
//	yes            ours, empty   the stored one, else the state's, else present
//	yes            KEDA's        present: KEDA writes it itself
func (j *job) wantedBundle(present []byte, ours bool) []byte {
	state := j.request.State
	if state == nil {
		return nil
	}
	if !state.KEDAIssues {
		return state.CABundle
	}
	empty := len(bytes.TrimSpace(present)) == 0
	if !ours && !empty {
		return present
	}
	var stored apiregistrationv1.APIService
	if empty && len(j.request.OldObject) > 0 && json.Unmarshal(j.request.OldObject, &stored) == nil && len(stored.Spec.CABundle) > 0 {
		return stored.Spec.CABundle
	}
	if len(state.CABundle) > 0 {
		return state.CABundle
	}
	return present
}
