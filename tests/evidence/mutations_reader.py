"""Deliberate breakages of the reader and of its sources."""

from tests.evidence.mutation import Mutation

READER_MUTATIONS = (
    Mutation(
        "the reader keeps a token for an hour, whatever its expiry",
        "reader/cached_token.py",
        "expires = snapshot.expires_at.timestamp() - skew_s",
        "expires = now + 3600.0",
        "tests/unit/reader/test_expiry.py",
    ),
    Mutation(
        "the reader does not look before the expiry",
        "reader/refresher.py",
        "            self._refresh(self.state(), start)\n",
        "            pass\n",
        "tests/unit/reader/test_reader.py -k shortly_after",
    ),
    Mutation(
        "the reader never believes that a label was moved back",
        "reader/cached_token.py",
        "_BELIEVED_LOOKS = 2",
        "_BELIEVED_LOOKS = 1_000",
        "tests/unit/reader/test_recovery.py -k twice_in_a_row",
    ),
    Mutation(
        "the reader believes a single older answer",
        "reader/cached_token.py",
        "_BELIEVED_LOOKS = 2",
        "_BELIEVED_LOOKS = 1",
        "tests/unit/reader/test_recovery.py -k twice_in_a_row",
    ),
    Mutation(
        "the reader serves a token of the future to its stated end",
        "reader/cached_token.py",
        "if now < issued < expires:",
        "if issued < now < issued:",
        "tests/unit/reader/test_recovery.py -k true_end",
    ),
    Mutation(
        "the reader keeps a client that failed",
        "reader/secrets_manager.py",
        'if self._failed and stage == "AWSCURRENT":',
        "if not stage:",
        "tests/unit/reader/test_credentials.py -k renewed",
    ),
    Mutation(
        "a child of a fork keeps the lock of imports",
        "reader/process_state.py",
        "        self._lock = _thread.RLock()\n        _forks[0] += 1\n",
        "        _forks[0] += 1\n",
        "tests/unit/reader/test_credentials.py -k forked",
    ),
    Mutation(
        "the token goes to a proxy over plain http",
        "reader/hosts.py",
        'if scheme != "https" and _has_http_proxy(host):',
        "if not scheme:",
        "tests/unit/reader/adapters -k proxy",
    ),
    Mutation(
        "direct: any certificate will do",
        "reader/authorities.py",
        "context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)",
        "context = ssl._create_unverified_context()",
        "tests/unit/reader/test_direct.py -k certificate",
    ),
    Mutation(
        "direct: the session token is sent and not signed",
        "reader/sigv4.py",
        "for name, text in signed.items()}",
        "for name, text in signed.items() if not name.endswith('Token')}",
        "tests/unit/reader/test_sigv4.py -k session_token",
    ),
    Mutation(
        "direct: it never steps aside",
        "reader/direct_settings.py",
        "obstacle = next(_obstacles(environ), None)",
        "obstacle = None",
        "tests/unit/reader/test_direct_settings.py -k not_simple",
    ),
    Mutation(
        "direct: each reception has a deadline of its own",
        "reader/https_exchange.py",
        "left_s = self._at - self._clock.monotonic()",
        "left_s = 2.5",
        "tests/evidence/test_hostile_direct.py -k drips",
    ),
    Mutation(
        "an event loop waits for the refresh of a valid token",
        "reader/async_reads.py",
        "refresher.serve_valid(_starter(refresher))",
        "refresher.serve_valid(lambda work: work())",
        "tests/unit/reader/test_asyncio.py -k executor_is_full",
    ),
    Mutation(
        "an api key of the caller's own is overwritten",
        "reader/hosts.py",
        'if name != "x-api-key" or not keeps_key:',
        "if name:",
        "tests/unit/reader/adapters -k api_key",
    ),
)
