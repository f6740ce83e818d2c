"""
Tests of the plugin on Python 3, with whichever boto3 is installed.

SQS has two wire protocols. A boto3 before 1.31, such as Sentry 9's and Debian 12's, speaks the query protocol, and
newer ones speak JSON. Each test runs with both: boto3 reads the protocol from its description of SQS, and the tests
hand it a copy that names the wanted one.

What is real: boto3, HTTP and the answers' MD5 sums. Stood in for: the few names that the plugin takes from
Sentry, and the queue, by a server that knows SendMessage alone.
"""
import ast
import datetime
import hashlib
import http.server
import json
import logging
import os
import shutil
import sys
import tempfile
import threading
import types
import unittest
import unittest.mock
import urllib.parse
import uuid

import botocore.session

HERE = os.path.dirname(os.path.abspath(__file__))


def install_stand_ins():
    """The smallest `sentry` that the plugin can be loaded with."""
    class PluginError(Exception):
        pass

    class DataForwardingPlugin(object):
        """What Sentry 9 does around the plugin: rate limit, payload, forward, in that order."""
        options = {}

        def get_option(self, name, project):
            return self.options.get((project.id, name))

        def get_rate_limit(self):
            return (50, 1)

        def get_event_payload(self, event):
            return event.serialized

        def post_process(self, event, forwarded_this_second=0):
            limit, window = self.get_rate_limit()
            if limit and window and forwarded_this_second >= limit:
                return None
            return self.forward_event(event, self.get_event_payload(event))

    def encode(value):
        if isinstance(value, datetime.datetime):
            return value.strftime('%Y-%m-%dT%H:%M:%S.%fZ')
        raise TypeError(value)

    names = {
        'sentry': {},
        'sentry.exceptions': {'PluginError': PluginError},
        'sentry.plugins': {},
        'sentry.plugins.bases': {},
        'sentry.plugins.bases.data_forwarding': {'DataForwardingPlugin': DataForwardingPlugin},
        'sentry.utils': {'json': types.SimpleNamespace(dumps=lambda value: json.dumps(value, default=encode))},
    }
    for name, members in names.items():
        module = types.ModuleType(name)
        module.__dict__.update(members)
        sys.modules[name] = module


install_stand_ins()
sys.path.insert(0, HERE)
import sqs_plugin  # noqa: E402  (needs the stand-ins)


class QueueServer(http.server.ThreadingHTTPServer):
    """SQS as far as SendMessage goes, in either protocol: the one that it is asked in."""
    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), QueueHandler)
        self.received = []
        self.protocols = set()
        self.connections = 0
        self.refusal = None
        self.url = 'http://127.0.0.1:%d' % self.server_port

    def process_request(self, request, client_address):
        self.connections += 1
        super().process_request(request, client_address)


class QueueHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        text = self.rfile.read(int(self.headers['Content-Length'])).decode('utf-8')
        protocol = QueryProtocol if self.headers.get('X-Amz-Target') is None else JsonProtocol
        message = protocol.read(text, self.headers)
        message['authorization'] = self.headers.get('Authorization', '')
        self.server.received.append(message)
        self.server.protocols.add(protocol.name)
        if self.server.refusal is not None:
            status, code, reason = self.server.refusal
            fault = 'Sender' if status < 500 else 'Receiver'
            self.answer(status, protocol.refusal(fault, code, reason), {
                'Content-Type': protocol.content_type, 'x-amzn-query-error': '%s;%s' % (code, fault)})
            return
        md5 = hashlib.md5(message['MessageBody'].encode('utf-8')).hexdigest()
        self.answer(200, protocol.answer(str(uuid.uuid4()), md5), {'Content-Type': protocol.content_type})

    def answer(self, status, text, headers):
        body = text.encode('utf-8')
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class QueryProtocol:
    """A form in, XML out."""
    name = 'query'
    content_type = 'text/xml'
    metadata = {'protocol': 'query', 'protocols': ['query'], 'xmlNamespace': 'http://queue.amazonaws.com/doc/2012-11-05/'}
    output = {'shape': 'SendMessageResult', 'resultWrapper': 'SendMessageResult'}

    @staticmethod
    def read(text, headers):
        form = dict(urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=True))
        assert form['Action'] == 'SendMessage' and form['Version'] == '2012-11-05', form
        return form

    @staticmethod
    def answer(message_id, md5):
        return ('<SendMessageResponse><SendMessageResult><MessageId>%s</MessageId>'
                '<MD5OfMessageBody>%s</MD5OfMessageBody></SendMessageResult>'
                '<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></SendMessageResponse>'
                % (message_id, md5))

    @staticmethod
    def refusal(fault, code, reason):
        return ('<ErrorResponse><Error><Type>%s</Type><Code>%s</Code><Message>%s</Message></Error>'
                '<RequestId>r</RequestId></ErrorResponse>' % (fault, code, reason))


class JsonProtocol:
    """JSON in and out. The header x-amzn-query-error has an error's code as the query protocol names it."""
    name = 'json'
    content_type = 'application/x-amz-json-1.0'
    metadata = {'protocol': 'json', 'protocols': ['json'], 'jsonVersion': '1.0', 'targetPrefix': 'AmazonSQS',
                'awsQueryCompatible': {}}
    output = {'shape': 'SendMessageResult'}

    @staticmethod
    def read(text, headers):
        assert headers['X-Amz-Target'] == 'AmazonSQS.SendMessage', headers['X-Amz-Target']
        assert headers['Content-Type'] == JsonProtocol.content_type, headers['Content-Type']
        return json.loads(text)

    @staticmethod
    def answer(message_id, md5):
        return json.dumps({'MessageId': message_id, 'MD5OfMessageBody': md5})

    @staticmethod
    def refusal(fault, code, reason):
        return json.dumps({'__type': 'com.amazonaws.sqs#' + code, 'message': reason})


def describe_sqs(protocol, folder):
    """Writes boto3's own description of SQS with another protocol; boto3 finds it by AWS_DATA_PATH."""
    loader = botocore.session.Session().get_component('data_loader')
    model = loader.load_service_model('sqs', 'service-2')
    for name in ('protocol', 'protocols', 'jsonVersion', 'targetPrefix', 'awsQueryCompatible', 'xmlNamespace'):
        model['metadata'].pop(name, None)
    model['metadata'].update(protocol.metadata)
    model['operations']['SendMessage']['output'] = protocol.output
    path = os.path.join(folder, 'sqs', model['metadata']['apiVersion'])
    os.makedirs(path)
    with open(os.path.join(path, 'service-2.json'), 'w') as file:
        json.dump(model, file)


def event_of(project_id=7, group_id=1001, **payload):
    serialized = {'eventID': uuid.uuid4().hex, 'groupID': str(group_id), 'message': 'boom',
                  'dateReceived': datetime.datetime(2026, 5, 6, 12, 0, 0, 123456)}
    serialized.update(payload)
    return types.SimpleNamespace(
        event_id=serialized['eventID'], group_id=group_id, serialized=serialized,
        project=types.SimpleNamespace(id=project_id, organization_id=1))


class PluginTests:
    protocol = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='bec-alerts-plugin-')
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        describe_sqs(cls.protocol, cls.folder)

    def setUp(self):
        self.server = QueueServer()
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True).start()
        self.plugin = sqs_plugin.StandaloneSqsPlugin()
        self.configure()
        # Credentials of the machine must play no part: the settings are the ones that count.
        for name in [name for name in os.environ if name.startswith('AWS_')]:
            del os.environ[name]
        os.environ['AWS_DATA_PATH'] = self.folder

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()

    def configure(self, project_id=7, **changed):
        settings = {'endpoint_url': self.server.url, 'queue_url': self.server.url + '/queue/sentry_errors',
                    'region': 'eu-west-1', 'access_key': 'AKIDMARKED', 'secret_key': 'secret-marked'}
        settings.update(changed)
        self.plugin.options = dict(self.plugin.options)
        for name, value in settings.items():
            self.plugin.options[(project_id, name)] = value

    def refused(self, event, **kwargs):
        """Forwards what must fail. Returns the one line that was logged."""
        with self.assertLogs('sqs_plugin', logging.ERROR) as logs:
            self.assertIs(self.plugin.post_process(event, **kwargs), False)
        self.assertEqual(len(logs.records), 1)
        self.assertEqual(logs.records[0].project_id, event.project.id)
        self.assertEqual(logs.records[0].event_id, event.event_id)
        shown = logs.output[0] + str(logs.records[0].__dict__)
        self.assertNotIn('secret-marked', shown)
        self.assertNotIn('AKIDMARKED', shown)
        self.assertNotIn('payload-marked', shown)
        return logs.records[0].getMessage()

    def test_the_event_arrives_as_sentry_prints_it(self):
        event = event_of(message=u'caf\u00e9 \u65e5\u672c')
        self.assertIs(self.plugin.post_process(event), True)
        self.assertEqual(self.server.protocols, {self.protocol.name})
        [message] = self.server.received
        self.assertEqual(json.loads(message['MessageBody']), {
            'eventID': event.event_id, 'groupID': '1001', 'message': u'caf\u00e9 \u65e5\u672c',
            'dateReceived': '2026-05-06T12:00:00.123456Z'})
        self.assertEqual(message['QueueUrl'], self.server.url + '/queue/sentry_errors')
        self.assertNotIn('MessageGroupId', message)

    def test_it_signs_with_the_settings(self):
        self.plugin.post_process(event_of())
        authorization = self.server.received[0]['authorization']
        self.assertRegex(authorization, r'Credential=AKIDMARKED/\d{8}/eu-west-1/sqs/aws4_request')
        self.assertNotIn('secret-marked', authorization)

    def test_the_51st_event_of_a_second_is_forwarded_too(self):
        self.assertIs(self.plugin.post_process(event_of(), forwarded_this_second=50), True)
        self.assertEqual(len(self.server.received), 1)

    def test_a_fifo_queue_gets_the_group_and_the_event_as_ids(self):
        self.configure(queue_url=self.server.url + '/queue/sentry_errors.fifo')
        event = event_of(group_id=42)
        self.assertIs(self.plugin.post_process(event), True)
        [message] = self.server.received
        self.assertEqual((message['MessageGroupId'], message['MessageDeduplicationId']), ('42', event.event_id))

    def test_a_fifo_queue_takes_an_event_without_a_group(self):
        self.configure(queue_url=self.server.url + '/queue/sentry_errors.fifo')
        self.assertIs(self.plugin.post_process(event_of(group_id=None)), True)
        self.assertEqual(self.server.received[0]['MessageGroupId'], 'none')

    def test_a_body_over_the_limit_is_refused_with_a_log_line(self):
        overhead = len(sqs_plugin.json.dumps(event_of(message='').serialized))
        fits = event_of(message='x' * (sqs_plugin.MAX_BODY_BYTES - overhead))
        self.assertIs(self.plugin.post_process(fits), True)
        over = event_of(message='payload-marked' + 'x' * (sqs_plugin.MAX_BODY_BYTES - overhead - 13))
        self.assertIn('has 1048577 bytes and SQS takes 1048576', self.refused(over))
        self.assertEqual(len(self.server.received), 1)

    def test_the_limit_counts_bytes_and_not_characters(self):
        plain, dumps = sqs_plugin.json, json.dumps
        sqs_plugin.json = types.SimpleNamespace(dumps=lambda value: dumps(value, ensure_ascii=False, default=str))
        try:
            message = self.refused(event_of(message=u'\u65e5' * 400000))
        finally:
            sqs_plugin.json = plain
        self.assertIn('and SQS takes 1048576', message)

    def test_what_the_queue_refuses_is_logged_and_does_not_raise(self):
        self.server.refusal = (400, 'InvalidParameterValue', 'One or more parameters are invalid')
        event = event_of(message='payload-marked')
        self.assertRegex(self.refused(event), event.event_id + r' was not forwarded .*InvalidParameterValue')

    def test_wrong_credentials_are_logged_and_do_not_raise(self):
        self.server.refusal = (403, 'InvalidClientTokenId', 'The security token included in the request is invalid')
        self.assertIn('InvalidClientTokenId', self.refused(event_of()))
        self.assertEqual(len(self.server.received), 1, 'a refusal is not tried again')

    def test_an_unreachable_queue_is_logged_and_does_not_raise(self):
        # boto3 would try five times, ever more seldom; two attempts show the same.
        os.environ['AWS_MAX_ATTEMPTS'] = '2'
        self.configure(endpoint_url='http://127.0.0.1:1')
        self.assertIn('was not forwarded', self.refused(event_of()))

    def test_an_endpoint_that_is_no_url_is_logged_and_does_not_raise(self):
        self.configure(endpoint_url='elasticmq')
        self.assertIn('was not forwarded', self.refused(event_of()))

    def test_missing_settings_are_named_and_nothing_is_sent(self):
        self.configure(queue_url='', secret_key=None)
        self.assertIn('settings are missing: queue_url, secret_key', self.refused(event_of()))
        self.assertEqual(self.server.received, [])

    def test_without_an_endpoint_it_is_amazon(self):
        self.configure(endpoint_url='', region='eu-west-1')
        settings = {name: self.plugin.get_option(name, event_of().project)
                    for name in sqs_plugin.REQUIRED + ('endpoint_url',)}
        self.assertRegex(self.plugin._client(settings).meta.endpoint_url, r'^https://.*eu-west-1.*\.amazonaws\.com')

    def test_the_client_is_made_once_for_a_configuration(self):
        self.configure(project_id=8)
        for project_id in (7, 8, 7, 8):
            self.plugin.post_process(event_of(project_id=project_id))
        self.assertEqual((len(self.server.received), self.server.connections), (4, 1))
        self.configure(access_key='another')
        self.plugin.post_process(event_of())
        self.assertIn('Credential=another/', self.server.received[-1]['authorization'])

    def test_clients_are_bounded(self):
        # A client takes a third of a second to make, so fewer are kept here.
        with unittest.mock.patch.object(sqs_plugin, 'MAX_CLIENTS', 2):
            for number in range(5):
                self.plugin._client({'endpoint_url': self.server.url, 'region': 'r%d' % number,
                                     'access_key': 'a', 'secret_key': 's'})
                self.assertIn(len(self.plugin._clients), (1, 2))

    def test_the_settings_page_has_the_five_settings(self):
        fields = self.plugin.get_config(event_of().project)
        self.assertEqual([field['label'] for field in fields],
                         ['Endpoint URL', 'Queue URL', 'Region', 'Access Key', 'Secret Key'])
        self.assertEqual([field['label'] for field in fields if field['type'] == 'secret'],
                         ['Access Key', 'Secret Key'])
        self.assertNotIn('secret-marked', json.dumps(fields, default=str))
        self.assertFalse(any(field['required'] for field in fields if field['type'] == 'secret'))

    def test_a_new_project_must_enter_its_keys(self):
        fields = self.plugin.get_config(event_of(project_id=9).project)
        self.assertEqual([field['label'] for field in fields if field['required']],
                         ['Queue URL', 'Region', 'Access Key', 'Secret Key'])
        self.assertFalse(self.plugin.is_configured(event_of(project_id=9).project))
        self.assertTrue(self.plugin.is_configured(event_of().project))

    def test_a_url_without_a_scheme_is_refused_on_the_settings_page(self):
        for field in self.plugin.get_config(event_of().project)[:2]:
            [validate] = field['validators']
            self.assertEqual(validate('http://elasticmq:9324', project=None, actor=None), 'http://elasticmq:9324')
            with self.assertRaises(sys.modules['sentry.exceptions'].PluginError):
                validate('elasticmq:9324', project=None, actor=None)


class QueryProtocolTest(PluginTests, unittest.TestCase):
    protocol = QueryProtocol


class JsonProtocolTest(PluginTests, unittest.TestCase):
    protocol = JsonProtocol


class SyntaxTest(unittest.TestCase):
    """Sentry 9 runs Python 2.7, which isn't installed here: nothing that only Python 3 parses may be used."""
    ONLY_3 = (ast.JoinedStr, ast.AnnAssign, ast.AsyncFunctionDef, ast.Await, ast.Nonlocal, ast.YieldFrom,
              ast.MatMult, ast.NamedExpr)

    def test_python_2_parses_it(self):
        for name in ('sqs_plugin.py', 'setup.py'):
            with open(os.path.join(HERE, name), 'rb') as file:
                source = file.read()
            # Without a coding line, Python 2 refuses a source that isn't ASCII.
            tree = ast.parse(source.decode('ascii'))
            for node in ast.walk(tree):
                self.assertNotIsInstance(node, self.ONLY_3, name)
                if isinstance(node, ast.Raise):
                    self.assertIsNone(node.cause, name)
                if isinstance(node, ast.ClassDef):
                    self.assertTrue(node.bases and not node.keywords, 'an old-style class in ' + name)
                if isinstance(node, ast.FunctionDef):
                    given = node.args.args + node.args.posonlyargs
                    self.assertEqual(node.args.kwonlyargs, [], name)
                    self.assertEqual([arg for arg in given if arg.annotation], [], name)
                    self.assertIsNone(node.returns, name)
                if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'super':
                    self.assertEqual(len(node.args), 2, 'super() in ' + name)


if __name__ == '__main__':
    # boto3 keeps its connections; that Python warns of them says nothing about the plugin.
    unittest.main(verbosity=2, warnings='ignore')
