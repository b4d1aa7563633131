"""Notebooks run in the process of a test, which is quicker than a kernel each and lets the test replace parts."""

import sys

import nbformat
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from instrec_utils import files


def execute_notebook(notebook, parameters, executed, kernels=None):
    """Do what `pipeline.execution.execute_notebook` does, whose arguments these are."""
    main = sys.modules["__main__"]  # which a shell replaces
    try:
        content = _executed(nbformat.read(notebook, as_version=4), parameters)
    finally:
        InteractiveShell.clear_instance()
        sys.modules["__main__"] = main
    content.metadata["papermill"] = {"duration": 1.0}
    files.write_text(executed, nbformat.writes(content))


def _executed(content, parameters):
    shell = InteractiveShell.instance()
    for name in ("write_output_prompt", "write_format_data", "finish_displayhook"):  # which would print the values
        setattr(shell.displayhook, name, lambda *_: None)
    for cell in (cell for cell in content.cells if cell.cell_type == "code"):
        with capture_output() as captured:
            result = shell.run_cell(cell.source)
        if "parameters" in cell.metadata.get("tags", []):
            shell.push(dict(parameters))
        error = result.error_in_exec or result.error_before_exec
        if isinstance(error, SystemExit):  # as papermill takes it
            data = [nbformat.v4.new_output("display_data", data=dict(one.data)) for one in captured.outputs]
            cell.outputs = [*data, nbformat.v4.new_output("error", ename="SystemExit", evalue="0", traceback=[])]
            break
        if error is not None:
            raise error
        cell.outputs = list(_outputs(shell, captured, result))
    return content


def _outputs(shell, captured, result):
    if captured.stdout:
        yield nbformat.v4.new_output("stream", name="stdout", text=captured.stdout)
    for one in captured.outputs:
        yield nbformat.v4.new_output("display_data", data=dict(one.data))
    if result.result is not None:
        data, _ = shell.display_formatter.format(result.result)
        yield nbformat.v4.new_output("execute_result", data=data, execution_count=1)
