# Copyright 2026 the bec-alerts authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""
Forwards the events of a Sentry 9 project to an SQS queue, wherever that queue is.

Sentry's own "Amazon SQS" plugin can't be pointed at a local queue. This one can, and it differs in three
more ways: nothing is dropped for being the 51st event of a second, the client is made once and not once an
event, and whatever SQS refuses is logged with the event's id instead of vanishing.

Sentry 9 runs on Python 2.7; the tests run on Python 3. Only what both understand is used here.
"""
from __future__ import absolute_import

import logging
import uuid

from boto3.session import Session
from botocore.config import Config

from sentry.exceptions import PluginError
from sentry.plugins.bases.data_forwarding import DataForwardingPlugin
from sentry.utils import json

logger = logging.getLogger(__name__)

# SQS's limit for a body, in bytes. A queue can set a lower one of its own, which its answer then says.
MAX_BODY_BYTES = 1024 * 1024
# Clients kept, one for each distinct configuration. Projects that share a queue share a client.
MAX_CLIENTS = 32
# Sentry's workers wait for us, so a queue that doesn't answer must not hold them for boto's full minute.
CONNECT_SECONDS = 5
READ_SECONDS = 10
REQUIRED = ('queue_url', 'region', 'access_key', 'secret_key')


def http_url(value, **kwargs):
    """
    A validator for settings. Sentry's own one for the type `url` may refuse private addresses, and a local
    queue has no other.
    """
    if value and not value.startswith(('http://', 'https://')):
        raise PluginError('must begin with http:// or https://')
    return value


def secret_field(name, label, saved):
    """A setting that the page never shows again: leaving it empty keeps what is saved."""
    return {
        'name': name,
        'label': label,
        'type': 'secret',
        'required': not saved,
        'has_saved_value': bool(saved),
        'prefix': '',
        'help': 'Leave it empty to keep the saved value.' if saved else '',
    }


class StandaloneSqsPlugin(DataForwardingPlugin):
    title = 'Amazon SQS Standalone'
    slug = 'amazon-sqs-standalone'
    conf_key = 'amazon-sqs-standalone'
    description = 'Forward events to Amazon SQS, or to any server that speaks its protocol.'
    author = 'the bec-alerts authors'
    version = '1.0.0'

    def __init__(self, *args, **kwargs):
        super(StandaloneSqsPlugin, self).__init__(*args, **kwargs)
        self._clients = {}

    def get_config(self, project, **kwargs):
        return [
            {
                'name': 'endpoint_url',
                'label': 'Endpoint URL',
                'type': 'text',
                'required': False,
                'placeholder': 'http://elasticmq:9324',
                'help': 'Of a local SQS. Leave it empty for Amazon.',
                'validators': [http_url],
            },
            {
                'name': 'queue_url',
                'label': 'Queue URL',
                'type': 'text',
                'required': True,
                'placeholder': 'https://sqs.us-east-1.amazonaws.com/123456789012/sentry_errors',
                'validators': [http_url],
            },
            {
                'name': 'region',
                'label': 'Region',
                'type': 'text',
                'required': True,
                'placeholder': 'us-east-1',
            },
            secret_field('access_key', 'Access Key', self.get_option('access_key', project)),
            secret_field('secret_key', 'Secret Key', self.get_option('secret_key', project)),
        ]

    def is_configured(self, project, **kwargs):
        return all(self.get_option(name, project) for name in REQUIRED)

    def get_rate_limit(self):
        # Without a limit: what is over Sentry's 50 events a second would be dropped, not delayed.
        return (0, 0)

    def forward_event(self, event, payload):
        """Returns whether the queue took the event. It never raises: Sentry would not try again either."""
        told = {'event_id': event.event_id, 'project_id': event.project.id}
        settings = dict((name, self.get_option(name, event.project)) for name in REQUIRED + ('endpoint_url',))
        missing = [name for name in REQUIRED if not settings[name]]
        if missing:
            logger.error('sqs_plugin: not forwarded, settings are missing: %s', ', '.join(missing), extra=told)
            return False
        told['queue_url'] = settings['queue_url']

        body = json.dumps(payload)
        size = len(body if isinstance(body, bytes) else body.encode('utf-8'))
        if size > MAX_BODY_BYTES:
            logger.error(
                'sqs_plugin: not forwarded, the event %s has %d bytes and SQS takes %d',
                event.event_id, size, MAX_BODY_BYTES, extra=told)
            return False

        try:
            self._client(settings).send_message(
                QueueUrl=settings['queue_url'], MessageBody=body, **self._ordering(settings['queue_url'], event))
        except Exception as error:  # boto's errors have no common base across the versions that Sentry 9 takes
            logger.error(
                'sqs_plugin: the event %s was not forwarded (%s: %s)',
                event.event_id, type(error).__name__, error, extra=told)
            return False
        return True

    def _ordering(self, queue_url, event):
        """A FIFO queue wants a group, within which it keeps the order, and an id to tell repetitions by."""
        if not queue_url.endswith('.fifo'):
            return {}
        group = str(event.group_id) if getattr(event, 'group_id', None) else 'none'
        return {'MessageGroupId': group, 'MessageDeduplicationId': str(event.event_id or uuid.uuid4().hex)}

    def _client(self, settings):
        key = (settings['endpoint_url'], settings['region'], settings['access_key'], settings['secret_key'])
        if key not in self._clients:
            if len(self._clients) >= MAX_CLIENTS:
                self._clients.clear()
            self._clients[key] = Session().client(
                'sqs',
                region_name=settings['region'],
                endpoint_url=settings['endpoint_url'] or None,
                aws_access_key_id=settings['access_key'],
                aws_secret_access_key=settings['secret_key'],
                config=Config(connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS))
        return self._clients[key]
