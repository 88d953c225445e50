# Everything below needs Python 3.10 to 3.12, make and the package registry; nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO := demo-out

.PHONY: docs check-wheel help install install-mmpose install-train test test-slow test-reliability test-numerics lint demo bench bench-gpu reproduce-signs clean

help:
	@echo "make demo       environment, then from real footage to a recognizer: extract, pretrain, finetune, eval, predict"
	@echo "make demo VIDEOS=folder   the same on your videos (VIDEOS/gloss/clip.mp4)"
	@echo "make test       environment, then lint, types and all tests but the slow ones"
	@echo "make test-slow  the slow tests"
	@echo "make test-reliability   training and extraction killed at random moments, with counts"
	@echo "make test-numerics     the tests that train, as other processors and numbers of threads compute"
	@echo "make install-mmpose   MMPose too; TORCH='torch --index-url …' chooses a torch where none is there"
	@echo "make install-train    what training needs; TORCH as above"
	@echo "make bench-gpu VIDEOS=folder   training and MMPose on this machine's GPU"
	@echo "make docs       the documentation as a site, in site/"
	@echo "make check-wheel   the wheel in an empty environment"
	@echo "make reproduce-signs SIGNS=folder   the table of docs/reproduction.md: hours; goes on where it was"
	@echo "make bench      speed and memory of the main jobs, as ratios"

install: $(INSTALLED)

$(INSTALLED): pyproject.toml $(wildcard requirements/*.txt)
	@$(PYTHON) -c 'import sys; (3, 10) <= sys.version_info[:2] <= (3, 12) or sys.exit("found Python %d.%d, expected 3.10 to 3.12 (MediaPipe has no wheel for others): make PYTHON=python3.11 ..." % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[mediapipe,exchange,dev]'
	$(BIN)/python -m pip install --quiet --no-deps --requirement requirements/mediapipe.txt --requirement requirements/demo.txt
	@touch $@

# A torch that is there stays as it is.
TORCH ?= torch

install-mmpose: $(INSTALLED)
	$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet --editable '.[mmpose]'
	$(BIN)/python -m pip install --quiet --no-deps --requirement requirements/mmpose.txt
	$(BIN)/masa-doctor

install-train: $(INSTALLED)
	$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet --editable '.[mediapipe,train]'

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# torch 2.13.0 has a CPU build of a few hundred megabytes; other versions may bring gigabytes of CUDA.
TEST_TORCH := torch==2.13.0
ALL_INSTALLED := $(VENV)/.all-installed

$(ALL_INSTALLED): $(INSTALLED)
	$(MAKE) install-mmpose install-train TORCH=$(TEST_TORCH)
	$(BIN)/python -m pip install --quiet --editable '.[onnx]'
	$(BIN)/python -m pip install --quiet --no-deps --requirement requirements/test.txt
	@touch $@

# Each process takes a stretch of files, so that what a file's tests share is made once; one that is through with
# its own takes some from the others.
SIDE_BY_SIDE := -n auto --dist worksteal

test: lint $(ALL_INSTALLED)
	$(BIN)/pytest $(SIDE_BY_SIDE) -m 'not slow'

test-slow: $(ALL_INSTALLED)
	$(BIN)/pytest $(SIDE_BY_SIDE) -m slow

test-reliability: $(ALL_INSTALLED)
	$(BIN)/pytest -s -m slow tests/masa_model/test_killed_runs.py tests/end_to_end/test_extract_stopped.py

# What another processor rounds differently. torch is asked only for instructions that this machine has: with others
# it ends in "illegal instruction". oneDNN takes the next lower ones by itself.
CAPABILITIES := import torch; names = ["default", "avx2", "avx512"]; \
	best = torch.backends.cpu.get_cpu_capability().lower(); \
	print(*names[: names.index(best) + 1 if best in names else 1])
NUMERICS := tests/masa_model/test_finetune.py tests/masa_model/test_calibration.py \
	tests/masa_model/test_classes_apart.py tests/masa_model/test_recognize_commands.py
test-numerics: $(ALL_INSTALLED)
	for capability in $$($(BIN)/python -c '$(CAPABILITIES)'); do \
		echo "ATEN_CPU_CAPABILITY=$$capability"; \
		ATEN_CPU_CAPABILITY=$$capability $(BIN)/pytest -n auto -q $(NUMERICS) || exit; \
	done
	for isa in SSE41 AVX2; do ONEDNN_MAX_CPU_ISA=$$isa $(BIN)/pytest -n auto -q $(NUMERICS) || exit; done
	for threads in 2 4; do MASA_TEST_THREADS=$$threads $(BIN)/pytest -n auto -q $(NUMERICS) || exit; done

# Material 9 announces another program at every start; it is answered once, here.
DOCS_INSTALLED := $(VENV)/.docs-installed

$(DOCS_INSTALLED): $(ALL_INSTALLED)
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@

docs: $(DOCS_INSTALLED)
	$(BIN)/python -m masa_model.settings.reference > docs/settings.md
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# What a user gets: the wheel alone, in an environment without torch.
check-wheel: $(INSTALLED)
	rm -rf build/check-wheel && mkdir -p build/check-wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/check-wheel .
	$(PYTHON) -m venv build/check-wheel/venv
	build/check-wheel/venv/bin/python -m pip install --quiet build/check-wheel/*.whl
	cd build/check-wheel && venv/bin/python -c 'import importlib.util, masa_data; assert importlib.util.find_spec("torch") is None; print(masa_data.__version__)'
	cd build/check-wheel && venv/bin/masa-inspect --help > /dev/null && venv/bin/masa-convert --help > /dev/null

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks

TRAIN_INSTALLED := $(VENV)/.train-installed

$(TRAIN_INSTALLED): $(INSTALLED)
	$(MAKE) install-train TORCH=$(TEST_TORCH)
	@touch $@

# The demo runs on the footage it makes, or on yours: make demo VIDEOS=folder
VIDEOS ?= $(DEMO)/videos

# With MMPose: make install-mmpose, then make demo ESTIMATOR=mmpose CHECKPOINT=file MODEL=fast
ESTIMATOR ?= mediapipe

demo: $(TRAIN_INSTALLED)
	@mkdir -p $(DEMO)
ifeq ($(VIDEOS),$(DEMO)/videos)
	$(BIN)/python -m demo.footage $(VIDEOS) 8
endif
	$(BIN)/masa-extract $(VIDEOS) $(DEMO)/out.h5 --split-by random --overwrite --estimator $(ESTIMATOR) \
		$(if $(CHECKPOINT),--checkpoint $(CHECKPOINT)) $(if $(MODEL),--model $(MODEL))
	$(BIN)/masa-inspect $(DEMO)/out.h5
	$(BIN)/masa-inspect $(DEMO)/out.h5 --overlay $(DEMO)/skeleton.png
	rm -rf $(DEMO)/runs
	cd $(DEMO) && $(abspath $(BIN))/masa-pretrain out.h5 --size tiny --epochs 20
	cd $(DEMO) && $(abspath $(BIN))/masa-finetune out.h5 --recipe tuned --epochs 40
	cd $(DEMO) && $(abspath $(BIN))/masa-eval --split test
	video=$$(find $(VIDEOS) -name '*.mp4' | sort | head -n 1); \
		$(BIN)/masa-predict --run $(DEMO)/runs/finetune-001 "$$video" --overlay $(DEMO)/guess.mp4 \
			$(if $(CHECKPOINT),--checkpoint $(CHECKPOINT))
	@echo "Look at $(DEMO)/skeleton.png and $(DEMO)/guess.mp4"

# keypoints_signs: two npz files. A cell of the table that is done is kept in runs/few-shot.json.
SIGNS ?= ../shared/data/keypoints_signs

runs/signs.h5: $(TRAIN_INSTALLED)
	@mkdir -p runs
	$(BIN)/masa-convert npz $(wildcard $(SIGNS)/*.npz) $@ --size 640x480 --fps 30

runs/pretrain-signs/checkpoints/epoch-0010.safetensors: runs/signs.h5
	$(BIN)/masa-pretrain $(if $(wildcard runs/pretrain-signs),--resume runs/pretrain-signs,\
		$< --size tiny --run runs/pretrain-signs)

reproduce-signs: runs/pretrain-signs/checkpoints/epoch-0010.safetensors
	$(BIN)/python -W ignore -m benchmarks.few_shot runs/signs.h5 --pretrained runs/pretrain-signs

bench-gpu: install-mmpose install-train
	$(BIN)/python -m benchmarks.gpu_training --device cuda
	$(BIN)/python -m benchmarks.mmpose --device cuda $(wildcard $(VIDEOS)/*.mp4 $(VIDEOS)/*/*.mp4)

clean:
	rm -rf $(VENV) $(DEMO) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
