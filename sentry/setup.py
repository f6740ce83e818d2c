from setuptools import setup

setup(
    name='bec-alerts-sqs-plugin',
    version='1.0.0',
    description='Forwards the events of a Sentry 9 project to an SQS queue, wherever that queue is.',
    author='the bec-alerts authors',
    license='Apache-2.0',
    py_modules=['sqs_plugin'],
    # boto3 comes with Sentry 9 itself; a second opinion on its version would only break that one.
    install_requires=[],
    entry_points={'sentry.plugins': ['sqs_standalone = sqs_plugin:StandaloneSqsPlugin']},
    classifiers=[
        'License :: OSI Approved :: Apache Software License',
        'Programming Language :: Python :: 2.7',
        'Programming Language :: Python :: 3',
    ],
)
