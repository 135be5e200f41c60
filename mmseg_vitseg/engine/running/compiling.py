"""``compile`` of a config: what of a model torch compiles."""

from mmengine.runner import Runner

from mmseg_vitseg.config.reading import ConfigError
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.models.segmentor import EncoderDecoder


class CompilingRunner(Runner):
    """The host's Runner, where ``compile=True``, or a dict for torch.compile, holds for validation and tests too.

    The host compiles the whole training step, data preprocessor and optimizer included. That step reads the names of the
    pictures, so it is compiled anew for each batch, eight times, and then run without compiling. Of a model of ours,
    :meth:`~mmseg_vitseg.models.segmentor.EncoderDecoder.compile` says what is compiled. Others are the host's matter.
    """

    def test(self) -> dict:
        """Test, compiled where the config says so and the model is ours."""
        if self._ours() is not None:
            self._maybe_compile('test_step')
        return super().test()

    def _maybe_compile(self, target: str) -> None:
        """Compile the model where the config says so.

        Raises:
            ConfigError: ``compile`` is something else, or torch has no such option or backend.
        """
        ours, options = self._ours(), self.cfg.get('compile')
        if ours is None or options in (None, False):
            super()._maybe_compile(target)
            return
        if options is not True and not isinstance(options, dict):
            raise ConfigError(
                f'compile={options!r}; allowed: True, or options of torch.compile, as --cfg-options compile.dynamic=True'
            )
        try:
            ours.compile(**({} if options is True else options))
        except (TypeError, RuntimeError) as error:
            raise ConfigError(f'compile={options!r}: torch.compile refuses it: {first_line(error)}') from error
        self.logger.info('The model is compiled: the first batch takes a minute, the first of another size too')

    def _ours(self) -> EncoderDecoder | None:
        """Return the model, out of the wrappers of data parallelism and of test-time augmentation."""
        return next((one for one in self.model.modules() if isinstance(one, EncoderDecoder)), None)
