"""
OpenStack Swift with its S3 API, for tests: the proxy and the account, container and object servers of the Debian package
python3-swift in one process, as Swift's own functional tests run them. Syncs each object before it answers. Keeps all it
has in a directory, and has it again when it is started on it again; prints `ready` when it listens.

Usage: python3 -I s3-server.py DIRECTORY PORT
"""
import os
import socket
import sys

os.environ['EVENTLET_NO_GREENDNS'] = 'yes'
os.environ['TZ'] = 'UTC+0'

import eventlet.wsgi
from swift.common import storage_policy, utils
from swift.common.ring import RingBuilder
from swift.common.wsgi import SwiftHttpProtocol, loadapp

utils.eventlet_monkey_patch()

DIRECTORY, PORT = sys.argv[1], int(sys.argv[2])
STORES = ('account', 'container', 'object')
# One device, so one copy of everything; a slow machine is waited for instead of answered without a part of the truth.
STORE = """[DEFAULT]
devices = {directory}/devices
mount_check = false
swift_dir = {directory}
disable_fallocate = true
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
container_update_timeout = 60
conn_timeout = 60
node_timeout = 60
"""
PROXY = """[DEFAULT]
swift_dir = {directory}
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats bulk s3api tempauth copy slo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
max_upload_part_num = 10000
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
conn_timeout = 60
node_timeout = 60
recoverable_node_timeout = 60
error_suppression_limit = 1000000
"""
SWIFT = """[swift-hash]
swift_hash_path_prefix = tests
swift_hash_path_suffix = tests
[storage-policy:0]
name = only
default = yes
"""


def write(name, text):
    with open(os.path.join(DIRECTORY, name), 'w') as file:
        file.write(text)


def listen(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind(('127.0.0.1', port))
    listener.listen(512)
    return listener


def save_ring(name, port):
    ring = RingBuilder(1, 1, 0)
    ring.add_dev({'id': 0, 'region': 0, 'zone': 0, 'weight': 1, 'ip': '127.0.0.1', 'port': port, 'device': 'one', 'meta': ''})
    ring.rebalance()
    ring.get_ring().save(os.path.join(DIRECTORY, name + '.ring.gz'))


class Silence(object):
    def write(self, *_):
        pass


class Cache(object):
    """What memcached keeps for Swift, here in the one process that there is: makes reads three times as fast."""

    def __init__(self, app):
        self.app = app
        self.kept = {}

    def __call__(self, env, start_response):
        env['swift.cache'] = self
        return self.app(env, start_response)

    def get(self, key, **_):
        return self.kept.get(key)

    def set(self, key, value, **_):
        self.kept[key] = value

    def delete(self, key, **_):
        self.kept.pop(key, None)


def serve(name, listener):
    app = loadapp(os.path.join(DIRECTORY, name + '.conf'), global_conf={'log_name': name})
    app = Cache(app) if name == 'proxy' else app
    eventlet.wsgi.server(listener, app, Silence(), protocol=SwiftHttpProtocol, custom_pool=eventlet.GreenPool(1024),
                         socket_timeout=60, capitalize_response_headers=False)


os.makedirs(os.path.join(DIRECTORY, 'devices', 'one'), exist_ok=True)
try:
    os.setxattr(DIRECTORY, 'user.nexus.test', b'1')
except OSError as error:
    sys.exit('%s has no extended attributes, which Swift needs (%s): let TMPDIR name a directory on ext4, xfs or btrfs' % (DIRECTORY, error))
write('swift.conf', SWIFT)
utils.SWIFT_CONF_FILE = os.path.join(DIRECTORY, 'swift.conf')
utils.validate_hash_conf()
storage_policy.reload_storage_policies()
servers = []
for store in STORES:
    write(store + '.conf', STORE.format(directory=DIRECTORY, name=store))
    inner = listen(0)
    save_ring(store, inner.getsockname()[1])
    servers.append(eventlet.spawn(serve, store, inner))
write('proxy.conf', PROXY.format(directory=DIRECTORY))
servers.append(eventlet.spawn(serve, 'proxy', listen(PORT)))
eventlet.sleep(0)
print('ready', flush=True)
for server in servers:
    server.wait()
