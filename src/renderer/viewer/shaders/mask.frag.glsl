// Classes of a mask: 0 is clear, 255 is ignored and hatched, every other class has its colour.
uniform highp usampler2D u_classes;
uniform vec3 u_colours[8];
uniform float u_opacity;
uniform vec3 u_ignored;

uint classNear(vec2 position) {
  ivec2 texel = ivec2(floor(position - u_textureOrigin));
  return texelFetch(u_classes, clampTexel(texel, textureSize(u_classes, 0)), 0).r;
}

void main() {
  if (beyondImage()) discard;
  vec2 position = v_image / u_stride;
  int n = taps();
  uint found = 0u;
  for (int y = 0; y < MOST_TAPS; y += 1) {
    if (y >= n) break;
    for (int x = 0; x < MOST_TAPS; x += 1) {
      if (x >= n) break;
      vec2 offset = (n == 1) ? vec2(0.0) : ((vec2(x, y) + 0.5) / float(n) - 0.5) * u_footprint;
      found = max(found, classNear(position + offset));
    }
  }
  if (found == 0u) discard;
  if (found == 255u) {
    float stripe = mod(gl_FragCoord.x + gl_FragCoord.y, 8.0);
    if (stripe > 2.0) discard;
    o_colour = vec4(u_ignored * u_opacity, u_opacity);
    return;
  }
  vec3 colour = u_colours[int((found - 1u) % 8u)];
  o_colour = vec4(colour * u_opacity, u_opacity);
}
