import numpy as np
import pytest
import torch

from mdshift.nn import losses


def pair(seed=0, n=9, m=7, d=4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), 1.5 * rng.normal(size=(m, d)) + 0.7


def tensors(*arrays):
    return [torch.tensor(a, dtype=torch.float64) for a in arrays]


def naive_mmd(a, b, scales):
    pooled = np.r_[a, b]
    every = [((x - y) ** 2).sum() for i, x in enumerate(pooled) for y in pooled[i + 1 :]]
    median = sorted(every)[(len(every) - 1) // 2]

    def k(x, y):
        return np.mean([np.exp(-((x - y) ** 2).sum() / (s * median)) for s in scales])

    n, m = len(a), len(b)
    aa = sum(k(a[i], a[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    bb = sum(k(b[i], b[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return aa + bb - 2 * np.mean([[k(x, y) for y in b] for x in a])


@pytest.mark.parametrize("scales", [(1.0,), (0.25, 0.5, 1.0, 2.0, 4.0)])
def test_mmd_equals_the_sums_written_out(scales):
    a, b = pair()
    assert float(losses.mmd(*tensors(a, b), scales)) == pytest.approx(naive_mmd(a, b, scales), rel=1e-9)


def test_mmd_is_unbiased_and_sees_a_difference():
    rng = np.random.default_rng(1)
    same = [float(losses.mmd(*tensors(rng.normal(size=(24, 3)), rng.normal(size=(24, 3))))) for _ in range(300)]
    mean, error = np.mean(same), np.std(same) / len(same) ** 0.5
    assert abs(mean) < 4 * error  # a biased estimate (the diagonal kept) is off by about 60 errors
    assert min(same) < 0
    assert float(losses.mmd(*tensors(rng.normal(size=(24, 3)), rng.normal(size=(24, 3)) + 1))) > 5 * np.std(same)


def test_mmd_does_not_depend_on_the_unit_of_the_features():
    a, b = pair()
    assert float(losses.mmd(*tensors(1e3 * a, 1e3 * b))) == pytest.approx(float(losses.mmd(*tensors(a, b))), rel=1e-6)


def test_coral_equals_numpy_covariances():
    a, b = pair(n=30, m=20)
    expected = ((np.cov(a.T) - np.cov(b.T)) ** 2).sum() / (4 * 4**2)
    assert float(losses.coral(*tensors(a, b))) == pytest.approx(expected, rel=1e-9)
    assert float(losses.coral(*tensors(a, a + 5))) == pytest.approx(0, abs=1e-12)


def test_entropy_equals_its_definition():
    logits = np.random.default_rng(2).normal(size=(5, 3)) * 2
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(losses.entropy(*tensors(logits)).numpy(), -(p * np.log(p)).sum(1))


def test_class_confusion_equals_its_definition():
    logits, temperature = np.random.default_rng(3).normal(size=(6, 3)) * 2, 2.5
    p = np.exp(logits / temperature) / np.exp(logits / temperature).sum(1, keepdims=True)
    certain = 1 + np.exp((p * np.log(p)).sum(1))
    w = len(p) * certain / certain.sum()
    c = np.array([[sum(w[i] * p[i, j] * p[i, k] for i in range(6)) for k in range(3)] for j in range(3)])
    c = c / c.sum(1, keepdims=True)
    assert float(losses.class_confusion(*tensors(logits))) == pytest.approx((c.sum() - np.trace(c)) / 3, rel=1e-9)


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0, 7.0])
def test_reversal_is_the_identity_forwards_and_minus_strength_backwards(strength):
    x = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    out = losses.reverse(x, strength)
    assert torch.equal(out, x)
    upstream = torch.arange(15.0, dtype=torch.float64).reshape(5, 3)
    (found,) = torch.autograd.grad(out, x, upstream)
    assert torch.equal(found, -strength * upstream)


def test_reversal_turns_a_composed_gradient_exactly():
    w = torch.tensor([2.0, -3.0], requires_grad=True)
    plain = torch.autograd.grad(torch.sin(w * 2).sum(), w)[0]
    turned = torch.autograd.grad(torch.sin(losses.reverse(w * 2, 0.5)).sum(), w)[0]
    assert torch.equal(turned, -0.5 * plain)


def test_the_ramp_is_ganins():
    assert losses.ramp(0.0) == 0
    assert losses.ramp(0.1) == pytest.approx(2 / (1 + np.exp(-1)) - 1)
    assert losses.ramp(1.0) == pytest.approx(0.99991, abs=1e-5)


def test_domain_loss_weighs_domains_alike_and_is_log_2_when_blind():
    zero = torch.zeros
    assert float(losses.domain_loss(zero(3, 1), zero(50, 1))) == pytest.approx(np.log(2))
    assert float(losses.domain_loss(zero(3, 1) + 9, zero(50, 1) - 9)) < 1e-3
    assert float(losses.domain_loss(zero(3, 1) - 9, zero(50, 1) - 9)) == pytest.approx(4.5, abs=1e-3)


def test_conditioned_is_the_outer_product_and_blocks_the_predictions_gradient():
    f = torch.randn(4, 3, generator=torch.Generator().manual_seed(1), requires_grad=True)
    logits = torch.randn(4, 2, generator=torch.Generator().manual_seed(2), requires_grad=True)
    found = losses.conditioned(f, logits, "classification")
    p = torch.softmax(logits, 1)
    expected = np.array([np.outer(p[i].detach(), f[i].detach()).ravel() for i in range(4)])
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-6)
    assert torch.autograd.grad(found.sum(), logits, allow_unused=True)[0] is None
    numbers = losses.conditioned(f, logits[:, :1], "regression")
    np.testing.assert_allclose(numbers.detach().numpy()[:, :3], f.detach().numpy())


def test_task_loss_weighs_rows():
    logits, y = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]]), torch.tensor([0, 1, 1])
    doubled = losses.task_loss(logits[[0, 1, 2, 2]], y[[0, 1, 2, 2]], torch.ones(4), "classification")
    weighed = losses.task_loss(logits, y, torch.tensor([1.0, 1.0, 2.0]), "classification")
    assert float(weighed) == pytest.approx(float(doubled))
    assert float(losses.task_loss(torch.tensor([[1.0], [3.0]]), torch.tensor([0.0, 0.0]), torch.tensor([3.0, 1.0]), "regression")) == 3.0


def test_the_refined_loss_is_what_is_left_after_calibration():
    rng = np.random.default_rng(0)
    z = torch.tensor(rng.normal(size=(400, 3)))
    y = torch.tensor([rng.choice(3, p=p) for p in torch.softmax(z, 1).numpy()])
    w = torch.tensor(rng.random(400))
    honest = float(losses.task_loss(z, y, w, "classification"))
    for sure in (1.0, 4.0, 16.0, 0.5):
        assert losses.refined(sure * z, y, w) == pytest.approx(honest, rel=0.02)
    assert float(losses.task_loss(16 * z, y, w, "classification")) > 3 * honest
    assert losses.refined(torch.roll(z, 1, dims=1), y, w) > honest + 0.1  # telling classes apart is another matter
