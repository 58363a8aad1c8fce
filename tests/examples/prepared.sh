# What the machine and the cluster hold before an example of the help is run: a line each, for the learner's shell.
kubectl create job hello --image=busybox:1.36 --dry-run=client -o yaml -- echo hello > job.yaml
kubectl apply -f job.yaml
kubectl create deployment web --image=nginx:1.27 --replicas=2 --port=80 --dry-run=client -o yaml > web.yaml
kubectl apply -f web.yaml
kubectl rollout status deployment/web
kubectl set image deployment/web nginx=nginx:1.28
kubectl run web --image=nginx:1.27 --port=80 --labels=app=web
kubectl expose deployment web --port=80
kubectl patch service web --type=json -p '[{"op":"add","path":"/spec/ports/0/name","value":"http"}]'
kubectl create configmap settings --from-literal=colour=blue
kubectl create configmap settings --from-literal=colour=red --dry-run=client -o yaml > settings.yaml
cp settings.yaml config.yaml
kubectl create role reader --verb=get --resource=pods --dry-run=client -o yaml > roles.yaml
kubectl create rolebinding viewers --clusterrole=view --serviceaccount=default:default
mkdir -p conf overlay; echo a > conf/a; echo b > notes.txt; cp job.yaml overlay/
printf 'resources: [job.yaml]\nnamePrefix: my-\n' > overlay/kustomization.yaml
printf -- '-----BEGIN CERTIFICATE-----\nx\n' > tls.crt; printf -- '-----BEGIN PRIVATE KEY-----\ny\n' > tls.key; printf 'A=1\n' > app.env
