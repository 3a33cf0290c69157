package main

import (
	"context"
	"path/filepath"

	"github.com/keda-trust/keda-trust/e2e/local"
)

// install applies keda-trust's own manifest and starts the binary in place of
// the pods.
func (st *stage) install(ctx context.Context) error {
	port, err := local.FreePort()
	if err != nil {
		return err
	}
	objects, err := st.cluster.Install(ctx, filepath.Join(st.root, local.Manifest), port)
	if err != nil {
		return err
	}
	st.out.step("keda-trust, from its own %s: %d objects.", local.Manifest, len(objects))
	st.out.say("There are no nodes here, so its Deployment gets no pods and its Service leads nowhere. The binary runs\n" +
		"beside the API server instead, and the webhook configuration has a URL where it had the Service:\n" +
		"that is the only change. It has the rights of its ServiceAccount, no others.")
	kubeconfig := st.file("keda-trust.kubeconfig")
	if err := st.cluster.WriteAccount(kubeconfig); err != nil {
		return err
	}
	st.server, err = local.StartServer(ctx, local.ServerOptions{
		Binary:      st.binary,
		Kubeconfig:  kubeconfig,
		Log:         st.file("keda-trust.log"),
		WebhookPort: port,
	})
	if err != nil {
		return err
	}
	st.out.step("keda-trust is ready.")
	return nil
}
