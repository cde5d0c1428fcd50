"""The main job by pylxd, on the daemon of the socket that is given."""

import sys
from urllib.parse import quote

import pylxd

client = pylxd.Client(endpoint="http+unix://" + quote(sys.argv[1], safe=""))
assert client.trusted
assert client.instances.all() == []
assert [alias["name"] for image in client.images.all() for alias in image.aliases] == ["busybox"]

config = {"name": "c1", "source": {"type": "image", "alias": "busybox"}, "config": {"user.note": "7"}}
instance = client.instances.create(config, wait=True)
assert [it.name for it in client.instances.all()] == ["c1"]
assert instance.config["user.note"] == "7" and instance.status == "Stopped"
instance.start(wait=True)
instance.sync()
assert instance.status == "Running" and instance.state().pid > 0

instance.files.put("/root/pushed", b"pushed\n", mode=0o600, uid=5, gid=6)
assert instance.files.get("/root/pushed") == b"pushed\n"
done = instance.execute(["sh", "-c", "cat /root/pushed; stat -c '%a %u %g' /root/pushed; echo err >&2; exit 3"])
assert (done.exit_code, done.stdout, done.stderr) == (3, "pushed\n600 5 6\n", "err\n"), done

instance.snapshots.create("s0", wait=True)
assert [it.name for it in instance.snapshots.all()] == ["s0"]
profile = client.profiles.create("p1", config={"user.a": "1"})
assert client.profiles.get("p1").config == {"user.a": "1"}
profile.delete()
instance.stop(force=True, wait=True)
instance = client.instances.get("c1")
instance.description = "changed"
instance.save(wait=True)
assert client.instances.get("c1").description == "changed"
instance.delete(wait=True)
assert client.instances.all() == []
try:
    client.instances.get("c1")
    raise AssertionError("it is there")
except pylxd.exceptions.NotFound:
    pass
print("done")
