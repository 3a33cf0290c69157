package certmanager

import (
	"context"
	"fmt"
	"time"

	apiutil "github.com/cert-manager/cert-manager/pkg/api/util"
	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmeta "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	"github.com/cert-manager/cert-manager/pkg/client/clientset/versioned"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// Renew has a Certificate issued anew by whatever its issuer has now, as `cmctl
// renew` does, and does not wait until it is. It waits for an issuance that is under
// way, though: that ends after the Secret is written, and would end this one too.
func Renew(ctx context.Context, client versioned.Interface, namespace, name string) error {
	certificates := client.CertmanagerV1().Certificates(namespace)
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		certificate, err := certificates.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		if apiutil.CertificateHasCondition(certificate, underWay) {
			return false, nil
		}
		apiutil.SetCertificateCondition(certificate, certificate.Generation, underWay.Type, underWay.Status,
			"ManuallyTriggered", "Certificate re-issuance manually triggered")
		_, err = certificates.UpdateStatus(ctx, certificate, metav1.UpdateOptions{})
		if apierrors.IsConflict(err) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return fmt.Errorf("renewing Certificate %s/%s: %w", namespace, name, err)
	}
	return nil
}

var underWay = certmanagerv1.CertificateCondition{Type: certmanagerv1.CertificateConditionIssuing, Status: cmmeta.ConditionTrue}
