// One tile of a plane as a rectangle of the view.
uniform vec4 u_rect;      // left, top, width, height in image pixels
uniform vec3 u_camera;    // image point at the centre of the view; device pixels per image pixel
uniform vec2 u_viewport;  // device pixels

const vec2 CORNERS[4] = vec2[4](vec2(0.0, 0.0), vec2(1.0, 0.0), vec2(0.0, 1.0), vec2(1.0, 1.0));

void main() {
  vec2 image = u_rect.xy + CORNERS[gl_VertexID] * u_rect.zw;
  vec2 view = (image - u_camera.xy) * u_camera.z;
  gl_Position = vec4(2.0 * view.x / u_viewport.x, -2.0 * view.y / u_viewport.y, 0.0, 1.0);
}
