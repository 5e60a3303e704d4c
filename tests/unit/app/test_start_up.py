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
