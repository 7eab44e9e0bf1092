# Sourced by up.sh: authorities, certificates and kubeconfigs of a cluster, made once and kept. They are worth nothing
# outside: the API server is reached from this machine alone.

make_certificates() {
  [ -f "$state/pki/complete" ] && return
  mkdir -p "$state/pki"
  chmod 700 "$state/pki"
  (
    cd "$state/pki"
    authority ca
    authority front-proxy-ca
    openssl genrsa -out service-accounts.key 2048 2>/dev/null
    openssl rsa -in service-accounts.key -pubout -out service-accounts.pub 2>/dev/null
    local names=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
    certificate apiserver ca /CN=kube-apiserver serverAuth \
      "$names,DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:$api,IP:$api_service"
    certificate apiserver-kubelet ca /O=system:masters/CN=kube-apiserver-kubelet clientAuth
    certificate front-proxy front-proxy-ca /CN=front-proxy clientAuth
    certificate admin ca /O=system:masters/CN=admin clientAuth
    for component in kube-controller-manager kube-scheduler kube-proxy; do
      certificate $component ca /CN=system:$component clientAuth
    done
    for number in 1 2; do
      certificate kubelet-$number ca /O=system:nodes/CN=system:node:node-$number serverAuth,clientAuth \
        "DNS:node-$number,IP:192.0.2.1$number,IP:127.0.0.1"
    done
    for user in admin kube-controller-manager kube-scheduler kube-proxy kubelet-1 kubelet-2; do
      kubeconfig $user "https://$api:6443" >$user.kubeconfig
    done
    touch complete
  )
}

authority() { # NAME
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 3650 -keyout "$1.key" -out "$1.crt" \
    -subj "/CN=$1" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,digitalSignature 2>/dev/null
}

certificate() { # NAME AUTHORITY SUBJECT USAGE [ALTERNATIVE-NAMES]
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "$3" 2>/dev/null |
    openssl x509 -req -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days 3650 -sha256 -out "$1.crt" 2>/dev/null \
      -extfile <(printf '%s\n' basicConstraints=CA:FALSE keyUsage=critical,digitalSignature "extendedKeyUsage=$4" ${5:+"subjectAltName=$5"})
}

kubeconfig() { # USER SERVER, from the folder of the certificates
  cat <<Y
apiVersion: v1
kind: Config
clusters: [{name: $cluster, cluster: {server: "$2", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}]
contexts: [{name: $cluster, context: {cluster: $cluster, user: $1}}]
current-context: $cluster
Y
}
