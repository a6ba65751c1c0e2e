"""Every night the reports of the data cuts of NCT06740149. For Airflow 3, with its standard provider."""

from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="cgbm1_report",
    schedule="15 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    # A second run at the same time would be refused by the lock of the first.
    max_active_runs=1,
):
    BashOperator(
        task_id="watch",
        bash_command=(
            "/opt/cgbm1-report/bin/cgbm1-report watch /srv/nct06740149/cuts --out /srv/nct06740149/builds --once --keep 14 --json"
        ),
        # What may pass is tried again by the watch itself; what is wrong with the data no retry mends.
        retries=0,
        # Another watch is at work on these builds, and takes what came: nothing failed.
        skip_on_exit_code=75,
    )
