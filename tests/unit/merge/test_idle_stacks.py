import pytest

from whet.merge.idle_stacks import Stance, find_stance, is_serving, name_place
from whet.model.frame import Frame

LIB = "/usr/lib/python3.13"
SITE = "/venv/lib/python3.13/site-packages"
APP = "/app/app.py"


def stack(text):
    """``name@file`` from the outermost frame inwards, as tests read best; returned innermost first."""
    frames = []
    for part in reversed(text.split(" > ")):
        name, _, file = part.partition("@")
        path = APP if not file else f"{SITE}/{file[1:]}" if file.startswith("+") else f"{LIB}/{file}"
        frames.append(Frame(path, name, 1))
    return frames


ASYNCIO = (
    "main > run@asyncio/runners.py > Runner.run@asyncio/runners.py > BaseEventLoop.run_until_complete@asyncio/"
    "base_events.py > run_forever@asyncio/base_events.py > BaseEventLoop._run_once@asyncio/base_events.py"
)
THREAD = "Thread._bootstrap@threading.py > Thread._bootstrap_inner@threading.py > Thread.run@threading.py"


@pytest.mark.parametrize(
    ("text", "main", "stance"),
    [
        ("main", True, Stance.WAITING),
        ("main > SocketIO.readinto@socket.py", True, Stance.WAITING),
        ("main > work > get@queue.py > wait@threading.py", True, Stance.JOIN),
        (f"{THREAD} > work > Queue.get@queue.py > Condition.wait@threading.py", False, Stance.IDLE),
        (f"{THREAD} > beat > Event.wait@threading.py > Condition.wait@threading.py", False, Stance.IDLE),
        (f"{THREAD} > work > Semaphore.acquire@threading.py > Condition.wait@threading.py", False, Stance.WAITING),
        (f"{THREAD} > work > Thread.join@threading.py", False, Stance.JOIN),
        ("serve > Thread.start@threading.py > Event.wait@threading.py > wait@threading.py", True, Stance.JOIN),
        (f"{THREAD} > spread > Thread.start@threading.py > wait@threading.py", False, Stance.JOIN),
        (f"{THREAD} > work", False, Stance.WAITING),
        (f"{THREAD} > _worker@concurrent/futures/thread.py", False, Stance.IDLE),
        (
            f"{THREAD} > _worker@concurrent/futures/thread.py > _WorkItem.run@concurrent/futures/thread.py > job",
            False,
            "w",
        ),
        ("main > run > _process_worker@concurrent/futures/process.py > Queue.get@multiprocessing/queues.py", True, "p"),
        ("main > worker@multiprocessing/pool.py > get@multiprocessing/queues.py", True, Stance.IDLE),
        ("main > worker@multiprocessing/pool.py > mapstar@multiprocessing/pool.py > job", True, Stance.WAITING),
        (f"{THREAD} > Pool._handle_results@multiprocessing/pool.py > recv@multiprocessing/connection.py", False, "p"),
        (f"{THREAD} > QueueListener._monitor@logging/handlers.py > get@queue.py > wait@threading.py", False, "p"),
        ("main > serve > TCPServer.serve_forever@socketserver.py > select@selectors.py", True, Stance.IDLE),
        ("main > TCPServer.serve_forever@socketserver.py > handle > readinto@socket.py", True, Stance.WAITING),
        ("main > socket.accept@socket.py", True, Stance.IDLE),
        (f"{ASYNCIO} > EpollSelector.select@selectors.py", True, Stance.LOOP),
        (f"{ASYNCIO} > Handle._run@asyncio/events.py > fetch", True, Stance.WAITING),
        ("main > run@asyncio/runners.py", True, Stance.LOOP),
        ("main > poll > EpollSelector.select@selectors.py", True, Stance.LOOP),
        ("main > Thread.join@threading.py > Thread._wait_for_tstate_lock@threading.py", True, Stance.JOIN),
        ("_shutdown@threading.py", True, Stance.JOIN),
        ("main > Future.result@concurrent/futures/_base.py > Condition.wait@threading.py", True, Stance.JOIN),
        ("main > run@subprocess.py > Popen.communicate@subprocess.py > select@selectors.py", True, Stance.JOIN),
        ("main > Process.join@multiprocessing/process.py > wait@multiprocessing/popen_fork.py", True, Stance.JOIN),
        ("main > run@+gunicorn/arbiter.py > Arbiter.wait_for_signals@+gunicorn/arbiter.py", True, Stance.IDLE),
        ("main > run@+werkzeug/_reloader.py > ReloaderLoop.run@+werkzeug/_reloader.py", True, Stance.IDLE),
        ("main > Pool.map@+billiard/pool.py > ApplyResult.get@+billiard/pool.py > wait@threading.py", True, "j"),
        ("main > Worker.workloop@+billiard/pool.py > Connection._recv@+billiard/connection.py", True, "p"),
        ("main > Worker.workloop@+billiard/pool.py > mapstar@+billiard/pool.py > job", True, "w"),
        ("main > synloop@+celery/worker/loops.py > drain_events@+kombu/transport/virtual/base.py", True, "p"),
        (
            "main > _process_worker@+joblib/externals/loky/process_executor.py > get@multiprocessing/queues.py",
            True,
            "p",
        ),
        ("main > Worker.__call__@+billiard/pool.py > Worker._do_exit@+billiard/pool.py", True, "p"),
        (
            "main > Pool.apply_async@+billiard/pool.py > Semaphore.acquire@threading.py > Condition.wait@threading.py",
            True,
            "j",
        ),
        ("Hub.run@+gevent/hub.py", True, Stance.LOOP),
        ("main > switch@+gevent/hub.py", True, "w"),
        ("BaseHub.run@+eventlet/hubs/hub.py > Hub.wait@+eventlet/hubs/poll.py", True, Stance.LOOP),
        (
            "BaseHub.run@+eventlet/hubs/hub.py > wait@+eventlet/hubs/poll.py > do_poll@+eventlet/hubs/epolls.py",
            True,
            "l",
        ),
        ("BaseHub.run@+eventlet/hubs/hub.py > work > SocketIO.readinto@socket.py", True, "w"),
        (
            "Reply.run@+execnet/gateway_base.py > WorkerGateway._thread_receiver@+execnet/gateway_base.py"
            " > Message.from_io@+execnet/gateway_base.py > Popen2IO.read@+execnet/gateway_base.py",
            False,
            "p",
        ),
        (
            "main > WorkerInteractor.run_one_test@+xdist/remote.py > TestQueue.get@+xdist/remote.py"
            " > Event.wait@threading.py > Condition.wait@threading.py",
            True,
            "p",
        ),
        ("main > integrate_as_primary_thread@+execnet/gateway_base.py > Event.wait@threading.py", True, "p"),
        ("run@threading.py > Heartbeat.run@+ipykernel/heartbeat.py > proxy@zmq/sugar/poll.py", False, "p"),
        ("run@threading.py > _thread_main@+ipykernel/iostream.py > select@selectors.py", False, "p"),
        ("main > execute_request@+ipykernel/ipkernel.py > cell", True, "w"),
        ("get@queue.py", True, Stance.JOIN),
    ],
)
def test_stances(text, main, stance):
    stance = {"w": Stance.WAITING, "p": Stance.IDLE, "j": Stance.JOIN, "l": Stance.LOOP}.get(stance, stance)
    assert find_stance(stack(text), main) is stance


def test_no_stack_is_plain_waiting():
    assert find_stance([], True) is Stance.WAITING


def test_a_users_file_that_is_called_like_a_library_is_no_library():
    frames = [Frame("/app/queue.py", "get", 1), Frame("/app/concurrent/futures/thread.py", "_worker", 1)]
    assert find_stance(frames, False) is Stance.WAITING


@pytest.mark.parametrize(
    ("file", "name", "place"),
    [
        ("/usr/lib/python3.13/asyncio/base_events.py", "BaseEventLoop._run_once", "asyncio.base_events:_run_once"),
        ("C:\\Python313\\Lib\\queue.py", "Queue.get", "queue:get"),
        ("/v/lib/python3.12/site-packages/uvicorn/__init__.py", "run", "uvicorn:run"),
        ("/app/queue.py", "Queue.get", ":get"),
        ("/v/lib/python3.12/site-packages/billiard/pool.py", "Pool.map", "multiprocessing.pool:map"),
        ("/v/lib/python3.12/site-packages/multiprocess/queues.py", "Queue.get", "multiprocessing.queues:get"),
        ("/v/lib/python3.12/site-packages/multiprocessor/a.py", "get", "multiprocessor.a:get"),
    ],
)
def test_places(file, name, place):
    assert name_place(Frame(file, name)) == place


@pytest.mark.parametrize(
    ("file", "name", "serving"),
    [
        (f"{LIB}/asyncio/selector_events.py", "BaseSelectorEventLoop._accept_connection", True),
        (f"{LIB}/asyncio/streams.py", "start_server", True),
        (f"{LIB}/asyncio/streams.py", "open_connection", False),
        (f"{LIB}/socketserver.py", "BaseServer.serve_forever", True),
        (f"{SITE}/uvicorn/server.py", "Server.serve", True),
        (f"{SITE}/uvicorn/server.py", "<module>", False),
        (f"{SITE}/aiohttp/web_protocol.py", "RequestHandler.start", True),
        (f"{SITE}/aiohttp/client.py", "ClientSession._request", False),
        (f"{SITE}/gevent/pywsgi.py", "WSGIHandler.handle_one_response", True),
        (f"{SITE}/gevent/baseserver.py", "BaseServer.start_accepting", True),
        (f"{SITE}/gevent/baseserver.py", "BaseServer", False),
        (f"{SITE}/eventlet/wsgi.py", "server", True),
        (f"{SITE}/eventlet/convenience.py", "connect", False),
        ("/app/uvicorn.py", "run", False),
    ],
)
def test_servers_are_known_by_what_they_run(file, name, serving):
    assert is_serving(Frame(file, name)) is serving
