"""Who may do what: tokens, RBAC, reviews, impersonation, pod security, quotas."""

import uuid

import pytest

from support.kube import CORE, JOBS, RBAC, config_map, eventually, job, ok, pod, refused

REVIEWS = "/apis/authorization.k8s.io/v1"
GROUP = "rbac.authorization.k8s.io"


@pytest.fixture
def token(api, namespace):
    """A token of a ServiceAccount without rights."""
    api.made(f"{CORE}/{namespace}/serviceaccounts", {"metadata": {"name": "worker"}})
    path = f"{CORE}/{namespace}/serviceaccounts/worker/token"
    return ok(api.post(path, {"spec": {"expirationSeconds": 600}}), 201)["status"]["token"]


@pytest.fixture
def worker(api, token):
    return api.as_user(token)


@pytest.fixture
def grant(api, namespace, worker):
    """Give the worker rules in its namespace, and wait until they hold."""

    def give(*rules):
        roles = f"{RBAC}/namespaces/{namespace}"
        name = f"role-{uuid.uuid4().hex[:6]}"
        api.made(f"{roles}/roles", {"metadata": {"name": name}, "rules": list(rules)})
        subject = {"kind": "ServiceAccount", "name": "worker", "namespace": namespace}
        reference = {"apiGroup": GROUP, "kind": "Role", "name": name}
        binding = {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
        api.made(f"{roles}/rolebindings", binding)
        first = rules[0]
        attributes = {
            "verb": first["verbs"][0],
            "group": first["apiGroups"][0],
            "resource": first["resources"][0].partition("/")[0],
            "subresource": first["resources"][0].partition("/")[2],
            "namespace": namespace,
            "name": first.get("resourceNames", [""])[0],
        }
        eventually(lambda: allowed(worker, attributes), "the rules hold")

    return give


def allowed(user, attributes):
    body = {"spec": {"resourceAttributes": attributes}}
    return ok(user.post(f"{REVIEWS}/selfsubjectaccessreviews", body), 201)["status"]["allowed"]


def rule(verbs, resources, group="", **more):
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split(), **more}


def test_without_rules_nothing_is_allowed_and_the_refusal_says_what_is_missing(worker, namespace):
    user = f"system:serviceaccount:{namespace}:worker"
    answer = worker.get(f"{CORE}/{namespace}/configmaps")
    assert refused(answer, 403, "Forbidden") == (
        f'configmaps is forbidden: User "{user}" cannot list resource "configmaps" in API group '
        f'"" in the namespace "{namespace}"'
    )
    answer = worker.delete(f"{JOBS}/{namespace}/jobs/j")
    assert refused(answer, 403, "Forbidden") == (
        f'jobs.batch "j" is forbidden: User "{user}" cannot delete resource "jobs" in API group '
        f'"batch" in the namespace "{namespace}"'
    )
    answer = worker.get("/api/v1/nodes")
    assert refused(answer, 403, "Forbidden").endswith(
        'cannot list resource "nodes" in API group "" at the cluster scope'
    )
    assert refused(worker.get("/metrics"), 403, "Forbidden") == (
        f'forbidden: User "{user}" cannot get path "/metrics"'
    )


def test_rules_allow_what_they_name_and_no_more(api, worker, grant, namespace):
    grant(rule("get list create", "configmaps"), rule("get", "pods/log"))
    maps = f"{CORE}/{namespace}/configmaps"
    worker.made(maps, config_map("a"))
    assert worker.names(maps) == ["a"]
    refused(worker.delete(f"{maps}/a"), 403, "Forbidden")
    refused(worker.patch(f"{maps}/a", {"data": {}}), 403, "Forbidden")
    refused(worker.get(maps, watch="true"), 403, "Forbidden")
    refused(worker.get(f"{CORE}/{namespace}/pods/p"), 403, "Forbidden")
    refused(worker.get(f"{CORE}/{namespace}/pods/p/log"), 404, "NotFound")
    refused(worker.get("/api/v1/configmaps"), 403, "Forbidden")
    refused(worker.get(f"{CORE}/default/configmaps"), 403, "Forbidden")


def test_status_is_a_right_of_its_own(api, worker, grant, namespace):
    grant(rule("patch", "jobs/status", "batch"))
    jobs = f"{JOBS}/{namespace}/jobs"
    api.made(jobs, job())
    ok(worker.patch(f"{jobs}/j/status", {"status": {"terminating": 0}}))
    refused(worker.patch(f"{jobs}/j", {"metadata": {"labels": {"a": "b"}}}), 403, "Forbidden")


def test_names_narrow_a_rule(api, worker, grant, namespace):
    secrets = f"{CORE}/{namespace}/secrets"
    for name in ("mine", "other"):
        api.made(secrets, {"metadata": {"name": name}})
    grant(rule("get list watch", "secrets", resourceNames=["mine"]))
    assert worker.read(f"{secrets}/mine")["metadata"]["name"] == "mine"
    refused(worker.get(f"{secrets}/other"), 403, "Forbidden")
    refused(worker.get(secrets), 403, "Forbidden")
    assert worker.names(secrets, fieldSelector="metadata.name=mine") == ["mine"]


def test_cluster_roles_hold_everywhere_and_for_paths(api, worker, namespace):
    name = f"conformance-{uuid.uuid4().hex[:6]}"
    rules = [
        rule("list", "nodes"),
        rule("*", "*/status", "batch"),
        {"nonResourceURLs": ["/metrics", "/metrics/*"], "verbs": ["get"]},
    ]
    group = f"system:serviceaccounts:{namespace}"
    subject = {"apiGroup": GROUP, "kind": "Group", "name": group}
    reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": name}
    api.made(f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": rules})
    binding = {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
    api.made(f"{RBAC}/clusterrolebindings", binding)
    try:
        eventually(lambda: worker.get("/api/v1/nodes").is_success, "the rules hold")
        assert worker.get("/metrics").status_code == 200
        attributes = {"verb": "patch", "group": "batch", "resource": "jobs"}
        assert not allowed(worker, attributes)
        assert allowed(worker, {**attributes, "subresource": "status", "namespace": "default"})
        body = {"spec": {"nonResourceAttributes": {"verb": "get", "path": "/metrics/x"}}}
        answer = worker.post(f"{REVIEWS}/selfsubjectaccessreviews", body)
        assert ok(answer, 201)["status"]["allowed"]
    finally:
        ok(api.delete(f"{RBAC}/clusterrolebindings/{name}"))
        ok(api.delete(f"{RBAC}/clusterroles/{name}"))
    eventually(lambda: worker.get("/api/v1/nodes").status_code == 403, "the rules are gone")


def test_reviews_answer_for_others(api, worker, grant, namespace):
    grant(rule("get", "configmaps"))
    user = f"system:serviceaccount:{namespace}:worker"

    def review(verb):
        attributes = {"verb": verb, "resource": "configmaps", "namespace": namespace}
        spec = {"user": user, "resourceAttributes": attributes}
        return ok(api.post(f"{REVIEWS}/subjectaccessreviews", {"spec": spec}), 201)["status"]

    assert review("get")["allowed"] is True
    assert f'ServiceAccount "worker/{namespace}"' in review("get")["reason"]
    assert review("delete")["allowed"] is False
    refused(worker.post(f"{REVIEWS}/subjectaccessreviews", {"spec": {}}), 403, "Forbidden")


def test_a_token_says_who_one_is(worker, namespace):
    answer = worker.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    info = ok(answer, 201)["status"]["userInfo"]
    assert info["username"] == f"system:serviceaccount:{namespace}:worker"
    assert f"system:serviceaccounts:{namespace}" in info["groups"]


def test_unknown_tokens_are_refused_and_nobody_sees_little(api):
    assert refused(api.as_user("unknown").get("/version"), 401, "Unauthorized") == "Unauthorized"
    nobody = api.as_user("")
    assert nobody.get("/version").status_code == 200
    assert nobody.get("/readyz").text == "ok"
    message = refused(nobody.get("/api/v1/pods"), 403, "Forbidden")
    assert 'User "system:anonymous" cannot list resource "pods"' in message
    refused(nobody.get("/apis"), 403, "Forbidden")


def test_a_token_ends_with_its_account(api, worker, namespace):
    assert worker.get("/apis").status_code == 200
    ok(api.delete(f"{CORE}/{namespace}/serviceaccounts/worker"))
    eventually(lambda: worker.get("/apis").status_code == 401, "the token is refused", 60)


def test_only_those_who_may_act_as_others(api, worker, namespace):
    user = f"system:serviceaccount:{namespace}:worker"
    api.http.headers["Impersonate-User"] = user
    try:
        message = refused(api.get("/api/v1/nodes"), 403, "Forbidden")
    finally:
        del api.http.headers["Impersonate-User"]
    assert f'User "{user}"' in message
    worker.http.headers["Impersonate-User"] = "admin"
    message = refused(worker.get("/api/v1/nodes"), 403, "Forbidden")
    assert "cannot impersonate" in message


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ([{"verbs": ["get"]}], "resource rules must supply at least one api group"),
        ([{"apiGroups": [""], "resources": ["pods"]}], "verbs must contain at least one value"),
    ],
)
def test_a_role_says_what_it_lacks(api, namespace, rules, text):
    answer = api.post(
        f"{RBAC}/namespaces/{namespace}/roles", {"metadata": {"name": "r"}, "rules": rules}
    )
    assert text in refused(answer, 422, "Invalid")


def test_the_role_of_a_binding_cannot_change(api, grant, namespace):
    grant(rule("get", "configmaps"))
    (name,) = api.names(f"{RBAC}/namespaces/{namespace}/rolebindings")
    change = {"roleRef": {"name": "other"}}
    answer = api.patch(f"{RBAC}/namespaces/{namespace}/rolebindings/{name}", change)
    assert "cannot change roleRef" in refused(answer, 422, "Invalid")


CONTAINER = {"name": "c", "image": "busybox:1"}
CONTEXT = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.fixture
def restricted(api, namespace):
    """The pods of a namespace that enforces and warns of the restricted standard."""
    prefix = "pod-security.kubernetes.io"
    labels = {f"{prefix}/enforce": "restricted", f"{prefix}/warn": "restricted"}
    ok(api.patch(f"{CORE}/{namespace}", {"metadata": {"labels": labels}}))
    pods = f"{CORE}/{namespace}/pods"
    eventually(
        lambda: api.post(pods, pod(), dryRun="All").status_code == 403, "the level is enforced"
    )
    return pods


def contained(**changes):
    context = {key: value for key, value in {**CONTEXT, **changes}.items() if value is not ...}
    return pod(containers=[{"name": "c", "image": "busybox:1", "securityContext": context}])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"allowPrivilegeEscalation": ...}, "allowPrivilegeEscalation != false"),
        ({"capabilities": {}}, "unrestricted capabilities"),
        ({"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}, '"SYS_ADMIN"'),
        ({"runAsNonRoot": ...}, "runAsNonRoot != true"),
        ({"runAsUser": 0}, "runAsUser=0"),
        ({"seccompProfile": ...}, "seccompProfile (pod or container"),
        ({"seccompProfile": {"type": "Unconfined"}}, '"Unconfined"'),
    ],
)
def test_the_restricted_standard_refuses(api, restricted, change, text):
    message = refused(api.post(restricted, contained(**change)), 403, "Forbidden")
    assert 'violates PodSecurity "restricted:latest": ' in message
    assert text in message


def test_the_restricted_standard_allows_what_conforms_and_warns_of_jobs(api, restricted, namespace):
    ok(api.post(restricted, contained()), 201)
    volumes = [{"name": "v", "hostPath": {"path": "/"}}]
    body = contained()
    body["spec"]["volumes"] = volumes
    assert 'type "hostPath"' in refused(api.post(restricted, body), 403, "Forbidden")
    answer = api.post(f"{JOBS}/{namespace}/jobs", job())
    assert 'would violate PodSecurity \\"restricted:latest\\"' in answer.headers["Warning"]
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ({"sysctls": [{"name": "a.b", "value": "1"}]}, "forbidden sysctls (a.b)"),
        (
            {"seLinuxOptions": {"type": "x", "user": "u"}},
            'set forbidden securityContext.seLinuxOptions: type "x"; user may not be set)',
        ),
        (
            {"appArmorProfile": {"type": "Unconfined"}},
            'AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
        ),
        (
            {"seccompProfile": {"type": "Unconfined"}},
            'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
        ),
    ],
)
def test_the_standards_look_at_the_security_context_of_the_pod(api, restricted, context, text):
    body = contained()
    body["spec"]["securityContext"] = context
    assert text in refused(api.post(restricted, body), 403, "Forbidden")


def test_what_is_enforced_is_warned_of_unless_said_otherwise(api, namespace):
    prefix = "pod-security.kubernetes.io"
    labels = {f"{prefix}/enforce": "restricted"}
    ok(api.patch(f"{CORE}/{namespace}", {"metadata": {"labels": labels}}))
    jobs = f"{JOBS}/{namespace}/jobs"

    def warned():
        return "Warning" in api.post(jobs, job(), dryRun="All").headers

    eventually(warned, "Jobs are warned of")
    labels[f"{prefix}/warn"] = "privileged"
    ok(api.patch(f"{CORE}/{namespace}", {"metadata": {"labels": labels}}))
    eventually(lambda: not warned(), "nothing is warned of")


@pytest.mark.parametrize(("label", "value"), [("enforce", "strict"), ("warn-version", "1.30")])
def test_a_namespace_names_levels_that_there_are(api, namespace, label, value):
    labels = {f"pod-security.kubernetes.io/{label}": value}
    answer = api.patch(f"{CORE}/{namespace}", {"metadata": {"labels": labels}})
    assert f"metadata.labels[pod-security.kubernetes.io/{label}]: Invalid value" in refused(
        answer, 422, "Invalid"
    )


def test_a_full_quota_takes_no_more_pods(api, namespace):
    quotas = f"{CORE}/{namespace}/resourcequotas"
    api.made(quotas, {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}})
    pods = f"{CORE}/{namespace}/pods"

    def full():
        return api.post(pods, pod(f"p-{uuid.uuid4().hex[:6]}")).status_code == 403

    eventually(full, "the quota is full", 60)
    message = refused(api.post(pods, pod("more")), 403, "Forbidden")
    assert 'pods "more" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1' in (
        message
    )


def test_a_quota_counts_any_kind(api, namespace):
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
    api.made(f"{CORE}/{namespace}/resourcequotas", quota)
    jobs = f"{JOBS}/{namespace}/jobs"
    eventually(lambda: api.post(jobs, job(), dryRun="All").status_code == 403, "it counts", 60)
    assert refused(api.post(jobs, job()), 403, "Forbidden") == (
        'jobs.batch "j" is forbidden: exceeded quota: none, requested: count/jobs.batch=1, used: '
        "count/jobs.batch=0, limited: count/jobs.batch=0"
    )


def test_a_quota_of_resources_wants_them_said_and_counts_them(api, namespace):
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"requests.cpu": "1", "memory": "1Gi"}}}
    api.made(f"{CORE}/{namespace}/resourcequotas", quota)
    pods = f"{CORE}/{namespace}/pods"

    def asking(name, **requests):
        return pod(name, containers=[{**CONTAINER, "resources": {"requests": requests}}])

    eventually(lambda: api.post(pods, pod(), dryRun="All").status_code == 403, "it counts", 60)
    assert refused(api.post(pods, asking("silent", cpu="1m")), 403, "Forbidden") == (
        'pods "silent" is forbidden: failed quota: q: must specify memory for: c'
    )
    api.made(pods, asking("first", cpu="600m", memory="600Mi"))
    message = refused(
        api.post(pods, asking("second", cpu="600m", memory="600Mi")), 403, "Forbidden"
    )
    assert message.endswith(
        "exceeded quota: q, requested: memory=600Mi,requests.cpu=600m, used: "
        "memory=600Mi,requests.cpu=600m, limited: memory=1Gi,requests.cpu=1"
    )


def test_a_quota_may_be_of_pods_with_a_deadline_only(api, namespace):
    spec = {"hard": {"pods": "0"}, "scopes": ["Terminating"]}
    quotas, pods = f"{CORE}/{namespace}/resourcequotas", f"{CORE}/{namespace}/pods"
    api.made(quotas, {"metadata": {"name": "q"}, "spec": spec})
    limited = pod(activeDeadlineSeconds=60)
    eventually(lambda: api.post(pods, limited, dryRun="All").status_code == 403, "it counts", 60)
    api.made(pods, pod())


def test_a_pod_needs_its_service_account_and_gets_its_token(api, namespace):
    pods = f"{CORE}/{namespace}/pods"
    message = refused(api.post(pods, pod(serviceAccountName="nobody")), 403, "Forbidden")
    assert 'serviceaccount "nobody" not found' in message
    made = api.made(pods, pod("mounted"))
    assert made["spec"]["serviceAccountName"] == "default"
    (volume,) = made["spec"]["volumes"]
    assert "serviceAccountToken" in volume["projected"]["sources"][0]
    (mount,) = made["spec"]["containers"][0]["volumeMounts"]
    assert mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    made = api.made(pods, pod("bare", automountServiceAccountToken=False))
    assert "volumes" not in made["spec"]
