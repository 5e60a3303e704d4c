"""What the composition root imports: each run of the job waits for it, and most do little else."""

from tests.support.python_process import run_python


def test_run_that_is_not_due_imports_no_more_than_it_needs() -> None:
    done = run_python(
        """
        import sys
        import rotator.app
        later = {"authlib", "boto3", "botocore", "cryptography", "html", "requests"}
        later |= {"rotator.fleet.run", "rotator.fleet.status", "rotator.reader"}
        later |= {"rotator.model.secret_rotation", "rotator.model.status"}
        later |= {"rotator.transport.redaction"}
        print(sorted(later & set(sys.modules)))
        """
    )

    assert done.stdout == "[]\n", done.stderr


def test_command_that_reads_the_token_imports_nothing_of_the_job() -> None:
    done = run_python(
        """
        import sys
        import rotator.cli.consume
        import rotator.config
        import rotator.reader
        job = {"dataclasses", "inspect", "rotator.model.binding", "rotator.model.policy"}
        print(sorted(job & set(sys.modules)))
        """
    )

    assert done.stdout == "[]\n", done.stderr


def test_function_tells_the_collector_before_it_imports_a_library() -> None:
    done = run_python(
        """
        import gc
        import sys

        class Finder:
            def find_spec(self, name, path=None, target=None):
                if name == "structlog":
                    print(gc.get_threshold()[0])

        sys.meta_path.insert(0, Finder())
        import rotator.lambda_handler
        """
    )

    assert done.stdout == "100000\n", done.stderr
